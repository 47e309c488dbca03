import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { binariesReachableBy, findBinaries } from '@/tools/postgres/binaries'
import type { Account, ClusterPaths } from '@/tools/postgres/cluster'
import { startPostgres, type RunningPostgres } from '@/tools/postgres/server'

/** Where a test run's PostgreSQL lives below its temporary folder. */
export const testCluster = (root: string): ClusterPaths => ({ folder: join(root, 'postgres'), privateFolder: join(root, 'private') })

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
