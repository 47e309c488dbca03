import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startPostgres, stopPostgresIn, type RunningPostgres } from '@/tools/postgres/server'
import { binariesReachableBy, findBinaries } from '@/tools/postgres/binaries'
import { isAlive } from '@/tools/process/liveness.mjs'
import { testAccount, testCluster } from '@/tools/testing/postgres'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hypernetes-postgres-'))
  chmodSync(root, 0o711)
})
afterEach(async () => {
  await stopPostgresIn(testCluster(root))
  rmSync(root, { recursive: true, force: true })
})

const start = () => {
  const account = testAccount()
  const binaries = binariesReachableBy(account, findBinaries(), join(root, 'app'))
  return startPostgres({ paths: testCluster(root), account, binaries, database: 'hypernetes' })
}

async function query(server: RunningPostgres, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.url() })
  client.on('error', () => {})
  await client.connect()
  const result = await client.query(text)
  await client.end()
  return result.rows
}

const pidFile = () => join(testCluster(root).folder, 'cluster', 'postmaster.pid')

describe('startPostgres', () => {
  it('keeps its data over a stop and a second start', async () => {
    const first = await start()
    await query(first, 'create table kept (n int); insert into kept values (7)')
    await first.stop()
    expect(isAlive(first.pid)).toBe(false)
    const second = await start()
    expect(await query(second, 'select n from kept')).toEqual([{ n: 7 }])
    await second.stop()
  })

  it('recovers after kill -9, whose process may stay a zombie', async () => {
    const first = await start()
    await query(first, 'create table kept (n int); insert into kept values (7)')
    first.child?.kill('SIGKILL')
    const second = await start()
    expect(second.pid).not.toBe(first.pid)
    expect(await query(second, 'select n from kept')).toEqual([{ n: 7 }])
    await second.stop()
  })

  it('is not misled by a pid file that names another live process', async () => {
    const first = await start()
    const lines = readFileSync(pidFile(), 'utf8').split('\n')
    await first.stop()
    writeFileSync(pidFile(), [String(process.pid), ...lines.slice(1)].join('\n'))
    const second = await start()
    expect(second.child).toBeDefined()
    await second.stop()
  })

  it('joins a server that runs already, and two starts at once make one', async () => {
    const servers = await Promise.all([start(), start(), start()])
    expect(new Set(servers.map((server) => server.pid)).size).toBe(1)
    expect(servers.filter((server) => server.child).length).toBe(1)
    await servers[0]?.stop()
  })

  it('refuses to guess when the password is lost', async () => {
    const first = await start()
    await first.stop()
    rmSync(join(testCluster(root).privateFolder, 'postgres.password'))
    await expect(start()).rejects.toThrow(/password file .* is missing/)
  })
})
