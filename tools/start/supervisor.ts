import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '@/platform/config'
import type { Accounts } from '@/tools/start/accounts'
import type { App } from '@/tools/start/app-folder'
import type { DataFolders } from '@/tools/start/data-folder'
import { environments, localAuthority, type ServerEnvironment } from '@/tools/start/environment'
import type { ProcessRecords } from '@/tools/start/leftovers'
import { eachLine, prefixed, readable } from '@/tools/start/log-lines'
import { readHostState, waitForAll, webIsReady } from '@/tools/start/readiness'
import { SupervisedProcess, type ProcessSpec } from '@/tools/start/supervised-process'

export type ProcessName = 'web' | 'control' | 'host'

export type Installation = {
  config: Config
  folders: DataFolders
  accounts: Accounts
  app: App
  /** The checkout: the host agent, which is root, runs from it. */
  root: string
  environment: ServerEnvironment
  host: boolean
  /** How a process gets root: nothing when we are root, else sudo's argv. */
  asRoot: readonly string[]
}

/** VMs are asked to stop within their pods' grace periods; then the host ends them itself. */
const HOST_STOP_MS = 120_000
const SERVER_STOP_MS = 15_000

export const say = (name: string, text: string) => console.log(prefixed(name, text))

/** Runs web, control and the host of one installation. */
export class Supervisor {
  private readonly processes = new Map<ProcessName, SupervisedProcess>()

  constructor(
    private readonly installation: Installation,
    records: ProcessRecords,
  ) {
    for (const spec of this.specs()) {
      const process = new SupervisedProcess(spec, {
        onLine: (line) => say(spec.name, readable(line)),
        onNotice: (text) => say(spec.name, `-- ${text}`),
        onPid: (pid) => records.note(spec.name, pid),
      })
      this.processes.set(spec.name, process)
    }
  }

  /** Brings the database to this version's schema and makes the first operator; once, before the others start. */
  migrate(): Promise<void> {
    const { app, accounts, environment } = this.installation
    const env = environments.migrate(environment)
    return new Promise((resolve, reject) => {
      const child = spawn(app.node, ['--enable-source-maps', 'dist/migrate.mjs'], { cwd: app.folder, env, ...ids(accounts?.server), stdio: ['ignore', 'pipe', 'pipe'] })
      for (const stream of [child.stdout, child.stderr]) eachLine(stream, (line) => say('migrate', readable(line)))
      child.once('error', reject)
      child.once('close', (code, signal) => (code === 0 ? resolve() : reject(new Error(`the database could not be brought up to date (migrate ended with ${signal ?? code}); what it said stands above`))))
    })
  }

  start(): void {
    rmSync(this.hostStateFile, { force: true })
    for (const process of this.processes.values()) process.start()
  }

  /** Waits until pods can be run; the accelerator, or undefined without a host. False when `signal` aborts first. */
  async waitUntilReady(signal: AbortSignal): Promise<{ accelerator: string | undefined } | false> {
    const web = { name: 'web', done: () => webIsReady(localAuthority(this.installation.config), signal) }
    const host = { name: 'host', done: () => readHostState(this.hostStateFile) !== undefined }
    const all = await waitForAll(this.installation.host ? [web, host] : [web], signal, (names) => say('start', `waiting for ${names.join(' and ')}`))
    return all && { accelerator: readHostState(this.hostStateFile)?.accelerator }
  }

  /** Replaces a process by a new build of it. SIGUSR2 has a host leave its VMs running for the next one. */
  replace(name: ProcessName): void {
    this.processes.get(name)?.replace(name === 'host' ? 'SIGUSR2' : 'SIGTERM')
  }

  /** The host first, so that VMs end in good order while the server still takes its reports; with `leaveVms` they run on. */
  async stop({ leaveVms = false } = {}): Promise<void> {
    for (const name of ['host', 'control', 'web'] as const) {
      const process = this.processes.get(name)
      if (!process?.pid) continue
      say(name, '-- stopping')
      await process.stop(name === 'host' && leaveVms ? 'SIGUSR2' : 'SIGTERM')
    }
    await Promise.all([...this.processes.values()].map((process) => process.stop()))
  }

  private get hostStateFile(): string {
    return join(this.installation.folders.host, 'state.json')
  }

  private specs(): (ProcessSpec & { name: ProcessName })[] {
    const { app, accounts, environment, root } = this.installation
    const server = (name: 'web' | 'control') => ({
      name,
      command: app.node,
      args: ['--enable-source-maps', `dist/${name}.mjs`],
      cwd: app.folder,
      env: environments[name](environment),
      account: ids(accounts?.server),
      stopTimeoutMs: SERVER_STOP_MS,
    })
    const env = environments.host(environment)
    const [command = process.execPath, ...args] = [...this.asRoot(env), process.execPath, '--enable-source-maps', 'dist/host.mjs']
    const host = { name: 'host' as const, command, args, cwd: root, env, account: undefined, stopTimeoutMs: HOST_STOP_MS }
    return [server('web'), server('control'), ...(this.installation.host ? [host] : [])]
  }

  private asRoot(env: NodeJS.ProcessEnv): string[] {
    const { asRoot } = this.installation
    return asRoot.length === 0 ? [] : [...asRoot, `--preserve-env=${[...Object.keys(env), 'HYPERNETES_LIFELINE'].join(',')}`, '--']
  }
}

const ids = (account: { uid: number; gid: number } | undefined) => (account ? { uid: account.uid, gid: account.gid } : undefined)
