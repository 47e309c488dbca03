import { parseOptions } from '@node-rs/argon2'
import { describe, expect, it } from 'vitest'
import { hashPassword, verifyPassword } from './passwords'
import { newApiToken, randomText } from './secret-text'

describe('passwords', () => {
  it('are hashed with argon2id at the cost that OWASP names', async () => {
    const stored = await hashPassword('long enough 1')
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(parseOptions(stored)).toMatchObject({ memoryCost: 19_456, timeCost: 2, parallelism: 1 })
    expect(await verifyPassword(stored, 'long enough 1')).toBe(true)
    expect(await verifyPassword(stored, 'long enough 2')).toBe(false)
    expect(await hashPassword('long enough 1')).not.toBe(stored)
  })
  it('are the same in every Unicode form', async () => {
    expect(await verifyPassword(await hashPassword('ümläut pässword'.normalize('NFC')), 'ümläut pässword'.normalize('NFD'))).toBe(true)
  })
  it('match nobody without a hash', async () => expect(await verifyPassword(null, 'a password of nobody')).toBe(false))
})

describe('tokens', () => {
  it('are of letters and digits, all of one length, none twice', () => {
    const texts = Array.from({ length: 500 }, () => newApiToken())
    for (const { text, prefix } of texts) {
      expect(text).toMatch(/^hyp_[0-9A-Za-z]{43}$/)
      expect(prefix).toBe(text.slice(0, 10))
    }
    expect(new Set(texts.map((t) => t.text)).size).toBe(500)
    expect(randomText(15)).toHaveLength(21)
  })
})
