import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PostgresBinaries } from '@/tools/postgres/binaries'

/** The user a process runs as; undefined: as whoever started it. */
export type Account = { uid: number; gid: number } | undefined

export const SUPERUSER = 'hypernetes'

/**
 * Where one embedded PostgreSQL lives. `folder` belongs to the account it runs as; `privateFolder` belongs to whoever
 * starts it and holds the password and the lock, so that the server cannot point a link at a file it may not write.
 */
export type ClusterPaths = { folder: string; privateFolder: string }

export const passwordFile = (paths: ClusterPaths) => join(paths.privateFolder, 'postgres.password')

/** PostgreSQL's programs see nothing of the caller's environment: it may hold secrets. */
export function clusterEnvironment(binaries: PostgresBinaries): NodeJS.ProcessEnv {
  return { NODE_ENV: 'production', PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...(binaries.lib && { LD_LIBRARY_PATH: binaries.lib }) }
}

/**
 * Makes the cluster with initdb if there is none, and returns the password of its superuser. An initdb that was cut
 * off leaves no PG_VERSION that could be taken for a cluster: it works in a folder beside, which is renamed at the end.
 */
export function ensureCluster(paths: ClusterPaths, binaries: PostgresBinaries, account: Account): string {
  mkdirSync(paths.privateFolder, { recursive: true, mode: 0o700 })
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 })
  chmodSync(paths.folder, 0o700)
  if (account) chownSync(paths.folder, account.uid, account.gid)
  const secretFile = passwordFile(paths)
  if (existsSync(join(paths.folder, 'ready')) && existsSync(secretFile)) return readFileSync(secretFile, 'utf8').trim()
  if (existsSync(join(paths.folder, 'ready'))) {
    throw new Error(`${paths.folder} holds a database whose password file ${secretFile} is missing; put it back, or move the folder away to begin anew`)
  }
  const password = randomBytes(24).toString('base64url')
  writeFileSync(secretFile, `${password}\n`, { mode: 0o600 })
  initialise(paths, binaries, account, password)
  return password
}

function initialise(paths: ClusterPaths, binaries: PostgresBinaries, account: Account, password: string): void {
  const cluster = join(paths.folder, 'cluster')
  rmSync(cluster, { recursive: true, force: true })
  const passwordCopy = join(paths.folder, 'initial-password')
  rmSync(passwordCopy, { force: true })
  writeFileSync(passwordCopy, `${password}\n`, { mode: 0o600, flag: 'wx' })
  if (account) chownSync(passwordCopy, account.uid, account.gid)
  const result = spawnSync(
    join(binaries.bin, 'initdb'),
    ['-D', cluster, '-U', SUPERUSER, `--pwfile=${passwordCopy}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--data-checksums', '--no-instructions'],
    { ...account, env: clusterEnvironment(binaries), cwd: paths.folder, encoding: 'utf8' },
  )
  rmSync(passwordCopy, { force: true })
  if (result.status !== 0) {
    rmSync(cluster, { recursive: true, force: true })
    throw new Error(`initdb failed: ${result.error?.message ?? result.stderr.trim()}`)
  }
  writeFileSync(join(paths.folder, 'ready'), '', { flag: 'wx' })
}
