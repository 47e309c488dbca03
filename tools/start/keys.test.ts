import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { createPublicKey, createPrivateKey, sign, verify } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { KeyRing } from '@/platform/crypto/key-ring'
import { ensureHostIdentity, ensureKeyRing, ensureSessionSecret } from '@/tools/start/keys'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypernetes-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const mode = (path: string) => statSync(path).mode & 0o777

it('makes a key ring that the platform reads, once, closed to others', () => {
  const file = join(folder, 'keyring.json')
  ensureKeyRing(file, undefined)
  const wrapped = KeyRing.fromFile(file).wrap(Buffer.from('text'), 'context')
  ensureKeyRing(file, undefined)
  expect(KeyRing.fromFile(file).unwrap(wrapped, 'context').toString()).toBe('text')
  expect(mode(file)).toBe(0o600)
})

it('keeps the session secret over a restart', () => {
  const file = join(folder, 'secret')
  const first = ensureSessionSecret(file, undefined)
  expect(first.length).toBeGreaterThanOrEqual(43)
  expect(ensureSessionSecret(file, undefined)).toBe(first)
  expect(mode(file)).toBe(0o600)
})

it("returns the public half of the host's key", () => {
  const file = join(folder, 'identity.pem')
  const spki = ensureHostIdentity(file)
  expect(ensureHostIdentity(file)).toBe(spki)
  const signature = sign(null, Buffer.from('hello'), createPrivateKey(readFileSync(file, 'utf8')))
  expect(verify(null, Buffer.from('hello'), createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' }), signature)).toBe(true)
})

it('follows no link that an unprivileged user may have put there', () => {
  const file = join(folder, 'secret')
  symlinkSync('/etc/hostname', file)
  expect(() => ensureSessionSecret(file, undefined)).toThrow(/ELOOP/)
})
