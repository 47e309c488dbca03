import { chmodSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { stopPostgresIn } from '@/tools/postgres/server'
import { LockHeldError, takeLock } from '@/tools/process/file-lock.mjs'
import { keepClusterInMemory, removeCluster, testCluster } from '@/tools/testing/postgres'

declare module 'vitest' {
  export interface ProvidedContext {
    postgresRoot: string
  }
}

const PREFIX = 'hypernetes-test-postgres-'

/** Names a temporary folder for this run's PostgreSQL, which the first test that needs one starts; ends it with the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweepAbandoned()
  const root = mkdtempSync(join(tmpdir(), PREFIX))
  chmodSync(root, 0o711) // the server may run as another user
  takeLock(join(root, 'run.lock'))
  keepClusterInMemory(root)
  project.provide('postgresRoot', root)
  return () => remove(root)
}

async function remove(root: string): Promise<void> {
  await stopPostgresIn(testCluster(root))
  removeCluster(root)
}

/** A run that was killed left its server behind. */
async function sweepAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const root = join(tmpdir(), name)
    try {
      takeLock(join(root, 'run.lock'))
    } catch (error) {
      if (error instanceof LockHeldError || (error instanceof Error && 'code' in error)) continue
      throw error
    }
    await remove(root)
  }
}
