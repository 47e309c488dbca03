import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Secret } from '@/platform/crypto/secret'

/** Credentials of one registry. */
export type RegistryAuth = { username: string; password: Secret }

/** Writes a containers-auth.json(5) for one registry into a folder of mode 0700; only its owner may read it. */
export async function writeAuthFile(folder: string, registry: string, { username, password }: RegistryAuth): Promise<string> {
  const path = join(folder, 'auth.json')
  const auth = Buffer.from(`${username}:${password.reveal()}`).toString('base64')
  await writeFile(path, JSON.stringify({ auths: { [registry]: { auth } } }), { mode: 0o600 })
  return path
}

/** Names who asks without telling the password: `salt` is this store's own. '' is everybody. */
export function fingerprint(auth: RegistryAuth | undefined, salt: string): string {
  if (auth === undefined) return ''
  return createHash('sha256').update(JSON.stringify([salt, auth.username, auth.password.reveal()])).digest('hex')
}
