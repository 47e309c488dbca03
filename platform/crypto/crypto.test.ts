import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { KeyRing } from './key-ring'
import { Secret } from './secret'

describe('Secret', () => {
  it('never shows its canary', () => {
    const secret = new Secret('canary-7fe1')
    const shown = [String(secret), JSON.stringify({ secret }), inspect({ secret }), `${secret}`].join()
    expect(shown).not.toContain('canary')
    expect(secret.reveal()).toBe('canary-7fe1')
  })
})

describe('KeyRing', () => {
  const ring = KeyRing.ofKey('k1', randomBytes(32))
  it('gives back what it wrapped', () => {
    expect(ring.unwrap(ring.wrap(Buffer.from('plain'), 'tenant/a'), 'tenant/a').toString()).toBe('plain')
  })
  it('refuses another context, a changed bit and an unknown key', () => {
    const wrapped = ring.wrap(Buffer.from('plain'), 'tenant/a')
    expect(() => ring.unwrap(wrapped, 'tenant/b')).toThrow()
    const parts = wrapped.split('.')
    parts[2] = Buffer.from('other').toString('base64url')
    expect(() => ring.unwrap(parts.join('.'), 'tenant/a')).toThrow()
    expect(() => KeyRing.ofKey('k2', randomBytes(32)).unwrap(wrapped, 'tenant/a')).toThrow('does not hold key k1')
  })
  it('opens with an old key after a rotation', () => {
    const old = randomBytes(32)
    const wrapped = KeyRing.ofKey('old', old).wrap(Buffer.from('plain'), 'c')
    const rotated = new KeyRing('new', new Map([['old', old], ['new', randomBytes(32)]]))
    expect(rotated.unwrap(wrapped, 'c').toString()).toBe('plain')
    expect(rotated.wrap(Buffer.from('x'), 'c')).toMatch(/^new\./)
  })
})
