import { mkdirSync, readFileSync, rmSync, statfsSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { binariesReachableBy, findBinaries } from '@/tools/postgres/binaries'
import type { Account, ClusterPaths } from '@/tools/postgres/cluster'
import { startPostgres, type RunningPostgres } from '@/tools/postgres/server'

/** Where a test run's PostgreSQL lives below its temporary folder. */
export const testCluster = (root: string): ClusterPaths => ({ folder: join(root, 'postgres'), privateFolder: join(root, 'private') })

const memory = '/dev/shm'
/** A run's cluster takes some 400 MiB with its log. Containers have 64 MiB there by default. */
const MIN_MEMORY = 2 ** 30

/** Below `memory` it has the name of the run's temporary folder. */
const inMemory = (root: string) => join(memory, basename(root))

/**
 * Has a run's cluster lie in memory where there is room: each test file makes and drops a database of several hundred files,
 * which costs ext4 up to twenty times the processor's time, for it looks at each inode whether that was deleted of late.
 */
export function keepClusterInMemory(root: string): void {
  if (dirname(root) === memory || freeBytes(memory) < MIN_MEMORY) return
  mkdirSync(inMemory(root), { mode: 0o700 })
  symlinkSync(inMemory(root), testCluster(root).folder)
}

/** Removes a run's cluster, which has ended, and all that is in its temporary folder. */
export function removeCluster(root: string): void {
  rmSync(inMemory(root), { recursive: true, force: true })
  rmSync(root, { recursive: true, force: true })
}

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return 0
  }
}

/** PostgreSQL refuses to run as root: tests then use an account that every Debian has. */
export function testAccount(): Account {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'))
  const nobody = users.find((fields) => fields[0] === 'nobody')
  if (!nobody) throw new Error('/etc/passwd has no user nobody to run PostgreSQL as')
  return { uid: Number(nobody[2]), gid: Number(nobody[3]) }
}

/** Starts the run's PostgreSQL, or joins it when another test file has. It outlives the test file. */
export function startTestPostgres(root: string): Promise<RunningPostgres> {
  const account = testAccount()
  return startPostgres({
    paths: testCluster(root),
    account,
    binaries: binariesReachableBy(account, findBinaries(), join(root, 'private-copy')),
    database: 'hypernetes',
    maxConnections: 300,
    durable: false,
    detached: true,
  })
}
