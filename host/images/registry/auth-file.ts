import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Secret } from '@/platform/crypto/secret'

/** Credentials of one registry. */
export type RegistryAuth = { username: string; password: Secret }

/** Credentials with the registries and paths for which they are meant; see domain/image/docker-config. */
export type ScopedAuth = RegistryAuth & { host: string; path: string }

/** Writes a containers-auth.json(5) for one registry into a folder of mode 0700; only its owner may read it. */
export async function writeAuthFile(folder: string, registry: string, { username, password }: RegistryAuth): Promise<string> {
  const path = join(folder, 'auth.json')
  const auth = Buffer.from(`${username}:${password.reveal()}`).toString('base64')
  await writeFile(path, JSON.stringify({ auths: { [registry]: { auth } } }), { mode: 0o600 })
  return path
}

/** What stands for everybody among those who may use a reference. */
export const everybody = ''

/**
 * Names a tenant with its credentials without telling the password: `salt` is this store's own. Two tenants with one
 * account are two, so that neither learns what the other has pulled.
 */
export function fingerprint(tenantId: string, { username, password }: RegistryAuth, salt: string): string {
  return `${tenantId}:${createHash('sha256').update(JSON.stringify([salt, tenantId, username, password.reveal()])).digest('hex')}`
}

/** The tenant of a fingerprint; '' for everybody. */
export const tenantOf = (access: string): string => access.split(':', 1)[0] ?? ''
