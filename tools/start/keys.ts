import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { chownSync, closeSync, constants, fchmodSync, fchownSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { UserAccount } from '@/tools/start/accounts'

/**
 * Reads a secret file, or makes it with `create`. It belongs to `owner` and nobody else may read it. The folder may
 * belong to an unprivileged user, so no link is followed; the file appears in one step.
 */
function readOrCreate(path: string, owner: UserAccount | undefined, create: () => string): string {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      fchmodSync(file, 0o600)
      if (owner) fchownSync(file, owner.uid, owner.gid)
      return readFileSync(file, 'utf8')
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const text = create()
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' })
    if (owner) chownSync(draft, owner.uid, owner.gid)
    renameSync(draft, path)
  } finally {
    rmSync(draft, { force: true })
  }
  return text
}

/** Makes the platform's key ring (platform/crypto/key-ring.ts) with one key, unless it is there. */
export function ensureKeyRing(path: string, owner: UserAccount | undefined): void {
  readOrCreate(path, owner, () => {
    const id = `k${randomBytes(4).toString('hex')}`
    return `${JSON.stringify({ current: id, keys: { [id]: randomBytes(32).toString('base64') } })}\n`
  })
}

/** The secret that signs sessions: made once, so that people stay signed in over a restart. */
export function ensureSessionSecret(path: string, owner: UserAccount | undefined): string {
  return readOrCreate(path, owner, () => `${randomBytes(32).toString('base64url')}\n`).trim()
}

/** The host's own Ed25519 key (PKCS #8 PEM). Returns its public key: SPKI DER in base64. */
export function ensureHostIdentity(path: string): string {
  const pem = readOrCreate(path, undefined, () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  return createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }).toString('base64')
}
