import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { loadConfig, type Config } from '@/platform/config'
import { LockHeldError, takeLock } from '@/tools/process/file-lock.mjs'
import { startTicks } from '@/tools/process/liveness.mjs'
import { ensureAccounts, type Accounts } from '@/tools/start/accounts'
import { reachableApp, reachableGuest } from '@/tools/start/app-folder'
import { makeDataFolders, type DataFolders } from '@/tools/start/data-folder'
import { EmbeddedDatabase } from '@/tools/start/database'
import type { GuestImage } from '@/tools/start/environment'
import { makeDevelopmentFolder } from '@/tools/start/development-folder'
import { ensureHostIdentity, ensureKeyRing, ensureSessionSecret } from '@/tools/start/keys'
import { ProcessRecords } from '@/tools/start/leftovers'
import { prefixed, readable } from '@/tools/start/log-lines'
import { hasEnded, signalProcess } from '@/tools/start/signal'
import { say, Supervisor, type ProcessName } from '@/tools/start/supervisor'

export type StartOptions = {
  /** The checkout. */
  root: string
  /** Names the build, for copies of it. */
  version: string
  host: boolean
  dev: boolean
  /** Takes the place of an installation that runs on the same data folder; its VMs run on. */
  upgrade: boolean
  guest: GuestImage | undefined
  /** Development: rebuilds on change and calls back with the name of each process that was rebuilt. */
  watch?: (onRebuilt: (name: ProcessName) => void) => Promise<() => Promise<void>>
}

/** A host agent leaves its VMs within 30 s, web and control end within 15 s each. */
const PREDECESSOR_MS = 120_000

/** Runs an installation until SIGINT, SIGTERM or SIGHUP, which end its VMs too, or SIGUSR2, which leaves them running for the next; the exit code. */
export async function main(options: StartOptions): Promise<number> {
  const config = loadConfig()
  if (config.port === 0) throw new Error('PORT must name a port: the host and browsers need to know it')
  const asRoot = options.host ? rootCommand() : []
  const accounts = ensureAccounts()
  const folders = makeDataFolders(config.data, accounts)
  const release = await lockData(folders, options.upgrade)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  process.on('SIGUSR2', () => stop.abort(leaveVms))
  stopWithNpm(stop)
  stopWithOutput(stop)
  try {
    const records = new ProcessRecords(join(folders.supervisor, 'processes.json'))
    await records.endLeftovers((name, text) => say(name, `-- ${text}`))
    await assertPortFree(config)
    await run({ options, config, asRoot, accounts, folders, records, signal: stop.signal })
    return 0
  } finally {
    release()
  }
}

/** The reason of an end after which the next start finds the VMs running. */
const leaveVms = Symbol('the VMs run on')

/** npm hands SIGTERM to the shell between us, which ends without handing it on: then we are given another parent. */
function stopWithNpm(stop: AbortController): void {
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  setInterval(() => process.ppid !== parent && stop.abort(), 500).unref()
}

/** Whoever read our lines has gone, as at the end of a pipe: nobody could see any more what goes on, so it ends as by a signal. */
function stopWithOutput(stop: AbortController): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort())
}

type Run = { options: StartOptions; config: Config; asRoot: readonly string[]; accounts: Accounts; folders: DataFolders; records: ProcessRecords; signal: AbortSignal }

async function run({ options, config, asRoot, accounts, folders, records, signal }: Run): Promise<void> {
  const { root, host, dev } = options
  ensureKeys(config, folders, accounts)
  const database = config.databaseUrl ? undefined : new EmbeddedDatabase(folders, accounts, (text) => say('postgres', `-- ${text}`), postgresLine)
  const app = reachableApp(root, folders.app, options.version, accounts?.server)
  const guest = reachableGuest(options.guest, folders.app, accounts?.server, app.node)
  if (dev && app.folder !== root) throw new Error(`npm run dev needs a checkout that user hypernetes can read; ${root} is closed to it. Move the checkout, or run it as your own user`)
  if (dev && accounts) makeDevelopmentFolder(root, accounts.server)
  let supervisor: Supervisor | undefined
  let unwatch = async () => {}
  try {
    const databaseUrl = config.databaseUrl ?? (await database?.start()) ?? ''
    const sessionSecret = ensureSessionSecret(join(folders.web, 'session-secret'), accounts?.server)
    const hostPublicKey = host ? ensureHostIdentity(join(folders.host, 'identity.pem')) : undefined
    const environment = { config, folders, databaseUrl, sessionSecret, hostPublicKey, guest, dev }
    supervisor = new Supervisor({ config, folders, accounts, app, root, environment, host, asRoot }, records)
    await supervisor.migrate()
    if (!signal.aborted) {
      supervisor.start()
      const running = supervisor
      if (options.watch) unwatch = await options.watch((name) => running.replace(name))
      await announce(supervisor, config, signal)
    }
    await aborted(signal)
  } finally {
    await unwatch()
    await supervisor?.stop({ leaveVms: signal.reason === leaveVms })
    if (database) say('postgres', '-- stopping')
    await database?.stop()
  }
  console.log('stopped')
}

async function announce(supervisor: Supervisor, config: Config, signal: AbortSignal): Promise<void> {
  const ready = await supervisor.waitUntilReady(signal)
  if (ready) console.log(`ready  ${config.publicUrl}  (${ready.accelerator ?? 'no host'}, ${Math.round(process.uptime())} s)`)
}

const aborted = (signal: AbortSignal) => new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))

/** The host agent makes VMs and networks, which takes root. */
function rootCommand(): string[] {
  if (process.getuid?.() === 0) return []
  if (spawnSync('sudo', ['-v'], { stdio: 'inherit' }).status === 0) return ['sudo', '-n']
  throw new Error('the host agent needs root. Run npm start as root or as a user with sudo, or run npm start -- --no-host for the console alone')
}

/** Two supervisors on one data folder would fight over it. */
async function lockData(folders: DataFolders, upgrade: boolean): Promise<() => void> {
  const lock = join(folders.supervisor, 'lock')
  try {
    return takeLock(lock)
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error
    if (!upgrade) throw new Error(`Hypernetes already runs on ${folders.data} (process ${error.pid}). Stop it, have this one take its place while its pods run on (npm start -- --upgrade), or set another HYPERNETES_DATA and PORT`)
    await endPredecessor(error.pid)
    return takeLock(lock)
  }
}

/** Ends a supervisor that runs so that its VMs run on. One of a version that knows no such end dies of the signal; what it leaves is ended after it. */
async function endPredecessor(pid: number): Promise<void> {
  say('start', `-- process ${pid} runs on the same data folder; it ends now, its pods run on`)
  const ticks = startTicks(pid)
  signalProcess(pid, 'SIGUSR2')
  if (!(await hasEnded(pid, ticks, PREDECESSOR_MS))) throw new Error(`the Hypernetes that runs (process ${pid}) did not end within ${PREDECESSOR_MS / 1000} s. Look at its output; kill -9 ${pid} ends it too, and its pods run on`)
}

function assertPortFree(config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => reject(new Error(`cannot listen on ${config.host} port ${config.port}: ${error.message}. Set HOST and PORT to another address`)))
    server.listen(config.port, config.host, () => server.close(() => resolve()))
  })
}

/** The key ring is made in the data folder; one that the operator keeps elsewhere must be there and readable. */
function ensureKeys(config: Config, folders: DataFolders, accounts: Accounts): void {
  if (config.keyFile === join(folders.keys, 'keyring.json')) return ensureKeyRing(config.keyFile, accounts?.server)
  if (!existsSync(config.keyFile)) throw new Error(`HYPERNETES_KEY_FILE ${config.keyFile} does not exist. Without the key ring that wrapped them, secrets cannot be opened`)
  if (accounts) return assertReadableBy(config.keyFile, accounts.server)
  accessSync(config.keyFile, constants.R_OK)
}

function assertReadableBy(file: string, account: { name: string; uid: number; gid: number }): void {
  const result = spawnSync('/usr/bin/test', ['-r', file], { uid: account.uid, gid: account.gid, cwd: '/' })
  if (result.status !== 0) throw new Error(`HYPERNETES_KEY_FILE ${file} is not readable for user ${account.name}: chown it to that user, with mode 0600`)
}

/** PostgreSQL tells of every start and checkpoint; what a person should see is what went wrong. */
function postgresLine(line: string): void {
  if (/the database system is (starting up|not yet accepting|shutting down)/.test(line)) return
  if (/\b(WARNING|ERROR|FATAL|PANIC):/.test(line)) console.log(prefixed('postgres', readable(line)))
}
