import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { findBinaries, type PostgresBinaries } from '@/tools/postgres/binaries'
import { clusterEnvironment, ensureCluster, SUPERUSER, type Account, type ClusterPaths } from '@/tools/postgres/cluster'
import { withLock } from '@/tools/process/file-lock.mjs'
import { isAlive } from '@/tools/process/liveness.mjs'

export type PostgresOptions = {
  paths: ClusterPaths
  account: Account
  binaries?: PostgresBinaries
  /** Created if it is missing. */
  database: string
  maxConnections?: number
  /** A free one by default. */
  port?: number
  /** Off for tests: a crash of the machine may then cost the database. */
  durable?: boolean
  /** The server outlives this process. */
  detached?: boolean
  onLine?: (line: string) => void
}

/** `child` is absent when a server that ran already was joined. */
export type RunningPostgres = { url: (database?: string) => string; pid: number; child: ChildProcess | undefined; stop(): Promise<void> }

/**
 * Starts PostgreSQL on a free port of the loopback address, or joins the server that already runs in this folder (one
 * whose parent was killed). Two processes that start it at once get one server.
 */
export function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  mkdirSync(options.paths.privateFolder, { recursive: true, mode: 0o700 })
  return withLock(join(options.paths.privateFolder, 'postgres.lock'), async () => {
    const binaries = options.binaries ?? findBinaries()
    const password = ensureCluster(options.paths, binaries, options.account)
    const server = (await joinRunning(options, password)) ?? (await launch(options, binaries, password))
    await createDatabase(server.url('postgres'), options.database)
    return server
  })
}

const address = (password: string, port: number, database: string) => `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`

/** What PostgreSQL writes into postmaster.pid. */
function pidFileOf(paths: ClusterPaths): { file: string; pid: number; port: number } | undefined {
  const file = join(paths.folder, 'cluster', 'postmaster.pid')
  if (!existsSync(file)) return undefined
  const lines = readFileSync(file, 'utf8').split('\n')
  return { file, pid: Number(lines[0]), port: Number(lines[3]) }
}

/**
 * A server left running: joined if it answers, waited for while it starts or stops. The pid file of a dead or zombie
 * server is removed, because PostgreSQL takes a zombie (and any process that got its number since) for alive.
 */
async function joinRunning(options: PostgresOptions, password: string): Promise<RunningPostgres | undefined> {
  for (let tries = 0; tries < 400; tries++) {
    const found = pidFileOf(options.paths)
    if (!found) return undefined
    if (!isAlive(found.pid) || !isServerOf(found.pid, options.paths)) {
      rmSync(found.file, { force: true })
      return undefined
    }
    if (found.port > 0 && (await answers(address(password, found.port, 'postgres')))) {
      const url = (database = options.database) => address(password, found.port, database)
      return { url, pid: found.pid, child: undefined, stop: () => stopByPid(found.pid) }
    }
    await delay(50)
  }
  throw new Error(`the PostgreSQL that runs in ${options.paths.folder} neither answers nor ends`)
}

/** The pid may have been given to another process since: a server of ours has our folder in its arguments. */
function isServerOf(pid: number, paths: ClusterPaths): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(join(paths.folder, 'cluster'))
  } catch {
    return false
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

async function launch(options: PostgresOptions, binaries: PostgresBinaries, password: string): Promise<RunningPostgres> {
  const port = options.port ?? (await freePort())
  // A server that outlived us would hold its port and folder: the kernel ends it with us (fast shutdown), unless it shall live on.
  const [command, ...args] = [...(options.detached ? [] : ['setpriv', '--pdeathsig', 'INT', '--']), join(binaries.bin, 'postgres'), ...serverArguments(options, port)]
  const child = spawn(command ?? '', args, {
    ...options.account,
    env: clusterEnvironment(binaries),
    cwd: options.paths.folder,
    detached: true, // Ctrl-C in a terminal reaches the whole group; this server is stopped last, by its starter
    stdio: ['ignore', 'ignore', options.detached ? 'ignore' : 'pipe'],
  })
  if (options.detached) child.unref()
  const lastLines = followLines(child, options.onLine)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.once('error', (error) => lastLines.push(error.message))
  for (let tries = 0; !(await answers(address(password, port, 'postgres'))); tries++) {
    const over = child.pid === undefined || child.exitCode !== null || child.signalCode !== null
    if (over || tries > 1200) {
      if (!over) child.kill('SIGQUIT') // at once: it recovers at its next start
      throw new Error(`PostgreSQL did not start: ${lastLines.join('\n')}`)
    }
    await delay(25)
  }
  const url = (database = options.database) => address(password, port, database)
  const stop = async () => {
    child.kill('SIGINT') // PostgreSQL's fast shutdown: sessions are ended, nothing is lost
    await ended
  }
  return { url, pid: child.pid ?? 0, child, stop }
}

function serverArguments(options: PostgresOptions, port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(options.maxConnections ?? 100),
    shared_buffers: '64MB',
    // The change feed is read by transaction order; a forgotten transaction would hold every reader back.
    idle_in_transaction_session_timeout: '60s',
    logging_collector: 'off',
    ...(options.durable === false && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_wal_size: '256MB' }),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', join(options.paths.folder, 'cluster'), '-p', String(port), ...flags]
}

function followLines(child: ChildProcess, onLine?: (line: string) => void): string[] {
  const last: string[] = []
  let rest = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      last.push(line)
      if (last.length > 20) last.shift()
      onLine?.(line)
    }
  })
  return last
}

async function createDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  client.on('error', () => {})
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [name])
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
}

/** Stops a server that another process started: fast shutdown, and waits until it is gone (at most a minute). */
export async function stopByPid(pid: number): Promise<void> {
  if (!isAlive(pid)) return
  try {
    process.kill(pid, 'SIGINT')
  } catch (error) {
    // It ended just now.
    if (isAlive(pid)) throw error
  }
  for (let tries = 0; isAlive(pid); tries++) {
    if (tries > 1200) throw new Error(`PostgreSQL (process ${pid}) does not end`)
    await delay(50)
  }
}

/** Stops the server that runs in this folder, if one does. */
export async function stopPostgresIn(paths: ClusterPaths): Promise<void> {
  const found = pidFileOf(paths)
  if (found && isServerOf(found.pid, paths)) await stopByPid(found.pid)
}

/** A TCP port of the loopback address that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address()
      server.close(() => (bound && typeof bound === 'object' ? resolve(bound.port) : reject(new Error('no port was given'))))
    })
  })
}
