import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const keyRingFile = z.object({ current: z.string(), keys: z.record(z.string(), z.base64()) })

/**
 * Wraps and unwraps bytes with AES-256-GCM. The platform's ring wraps a key a tenant, and a tenant's key wraps
 * each secret (envelope encryption), so that a rotation of the platform's key touches one row a tenant.
 *
 * A wrapped value is `keyId.nonce.ciphertext.tag`, each part base64url. `context` (for example the tenant's id and
 * the secret's uid) is authenticated: a row that is moved to another tenant does not open.
 */
export class KeyRing {
  constructor(
    private readonly current: string,
    private readonly keys: ReadonlyMap<string, Buffer>,
  ) {
    for (const [id, key] of keys) if (key.length !== 32) throw new Error(`key ${id} of the key ring has ${key.length} bytes, not 32`)
    if (!keys.has(current)) throw new Error(`the key ring names ${current} as current but does not hold it`)
  }

  /** Reads `HYPERNETES_KEY_FILE`: `{"current": id, "keys": {id: base64 of 32 bytes}}`. */
  static fromFile(path: string): KeyRing {
    const parsed = keyRingFile.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    if (!parsed.success) throw new Error(`${path} is not a key ring: expected {"current", "keys": {id: base64}}`)
    const keys = Object.entries(parsed.data.keys).map(([id, key]) => [id, Buffer.from(key, 'base64')] as const)
    return new KeyRing(parsed.data.current, new Map(keys))
  }

  /** A ring of one key, as a tenant has. */
  static ofKey(id: string, key: Uint8Array): KeyRing {
    return new KeyRing(id, new Map([[id, Buffer.from(key)]]))
  }

  wrap(plain: Uint8Array, context: string): string {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.key(this.current), nonce)
    cipher.setAAD(Buffer.from(context))
    const body = Buffer.concat([cipher.update(plain), cipher.final()])
    return [this.current, ...[nonce, body, cipher.getAuthTag()].map((part) => part.toString('base64url'))].join('.')
  }

  /** Throws when the key is not in the ring, the context differs or a bit was changed. */
  unwrap(wrapped: string, context: string): Buffer {
    const [id = '', nonce = '', body = '', tag = ''] = wrapped.split('.')
    const decipher = createDecipheriv('aes-256-gcm', this.key(id), Buffer.from(nonce, 'base64url'))
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(Buffer.from(tag, 'base64url'))
    return Buffer.concat([decipher.update(Buffer.from(body, 'base64url')), decipher.final()])
  }

  /** A keyed digest (HMAC-SHA-256 under a key derived from the current one): who lacks the key can test no guess against it. */
  digest(plain: Uint8Array): string {
    const key = Buffer.from(hkdfSync('sha256', this.key(this.current), '', 'digest', 32))
    return createHmac('sha256', key).update(plain).digest('hex')
  }

  private key(id: string): Buffer {
    const key = this.keys.get(id)
    if (!key) throw new Error(`the key ring does not hold key ${id}`)
    return key
  }
}
