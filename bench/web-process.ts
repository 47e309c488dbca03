import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrateDeploy } from '@/server/store/migrate'
import { stopPostgresIn } from '@/tools/postgres/server'
import { ensureKeyRing } from '@/tools/start/keys'
import { startTestPostgres, testCluster } from '@/tools/testing/postgres'
import { freePort } from './installation'
import { waitFor } from './pods'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The web process alone, as `npm start` runs it, over a PostgreSQL of the bench's own: nothing schedules or runs what its database holds. */
export async function withWebProcess<T>(work: (at: { url: string; databaseUrl: string }) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'hypernetes-bench-web-'))
  await chmod(folder, 0o711)
  const postgres = await startTestPostgres(folder)
  try {
    const databaseUrl = postgres.url('hypernetes')
    await migrateDeploy(databaseUrl)
    const keyFile = join(folder, 'keyring.json')
    ensureKeyRing(keyFile, undefined)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const child = spawn(process.execPath, ['--enable-source-maps', 'dist/web.mjs'], {
      cwd: root,
      env: {
        ...process.env,
        ...{ NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), PUBLIC_URL: url, DATABASE_URL: databaseUrl, HYPERNETES_DATA: folder, HYPERNETES_KEY_FILE: keyFile },
        ...{ NEXTAUTH_URL: url, NEXTAUTH_SECRET: 'a secret of the bench alone, of some length', HYPERNETES_LOG_LEVEL: 'warn', NEXT_TELEMETRY_DISABLED: '1' },
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    try {
      await waitFor('the web process', () => fetch(`${url}/healthz`).then((answer) => (answer.ok ? true : null), () => null))
      return await work({ url, databaseUrl })
    } finally {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    }
  } finally {
    await stopPostgresIn(testCluster(folder))
    await rm(folder, { recursive: true, force: true })
  }
}
