import { spawn, type ChildProcess } from 'node:child_process'
import type { Account } from '@/tools/postgres/cluster'
import { eachLine } from '@/tools/start/log-lines'

/** How one process is run. */
export type ProcessSpec = {
  name: string
  command: string
  args: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  account: Account
  /** After SIGTERM it has this long to end; then it is killed. */
  stopTimeoutMs: number
}

export type ProcessEvents = {
  /** A line that the process printed. */
  onLine: (line: string) => void
  /** What the supervisor did with it. */
  onNotice: (text: string) => void
  /** Its pid changed; undefined: it runs no more. */
  onPid?: (pid: number | undefined) => void
}

export type Backoff = { firstMs: number; maxMs: number; /** A run this long forgets earlier failures. */ stableMs: number }

const usual: Backoff = { firstMs: 500, maxMs: 30_000, stableMs: 60_000 }

/**
 * A process that is started again whenever it ends, after a pause that doubles with each failure, until `stop`. It
 * runs in a process group of its own, so that Ctrl-C in a terminal reaches the supervisor alone.
 */
export class SupervisedProcess {
  private child: ChildProcess | undefined
  private failures = 0
  private stopping = false
  private replacing = false
  private retry: NodeJS.Timeout | undefined
  private ended: Promise<void> = Promise.resolve()

  constructor(
    readonly spec: ProcessSpec,
    private readonly events: ProcessEvents,
    private readonly backoff: Backoff = usual,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid
  }

  start(): void {
    if (this.stopping || this.child) return
    const { command, args, cwd, env, account } = this.spec
    const startedAt = Date.now()
    const child = spawn(command, args, { cwd, env, ...account, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    eachLine(child.stdout, this.events.onLine)
    eachLine(child.stderr, this.events.onLine)
    this.events.onPid?.(child.pid)
    this.ended = new Promise((resolve) => {
      let over = false
      const end = (why: string) => {
        if (over) return
        over = true
        this.afterEnd(why, Date.now() - startedAt)
        resolve()
      }
      child.once('error', (error) => end(`cannot be started: ${error.message}`))
      child.once('exit', (code, signal) => end(signal ? `was ended by ${signal}` : `ended with exit code ${code}`))
    })
  }

  /** Ends it by `signal` and starts it again at once: a new build of it is there. */
  replace(signal: NodeJS.Signals): void {
    this.replacing = this.child !== undefined
    this.signal(signal)
  }

  /** Ends it for good: SIGTERM, and SIGKILL when that takes too long. */
  async stop(): Promise<void> {
    this.stopping = true
    clearTimeout(this.retry)
    if (!this.child) return
    this.signal('SIGTERM')
    const killer = setTimeout(() => {
      this.events.onNotice(`did not end within ${Math.round(this.spec.stopTimeoutMs / 1000)} s and is killed`)
      this.signal('SIGKILL')
    }, this.spec.stopTimeoutMs)
    await this.ended
    clearTimeout(killer)
  }

  private signal(signal: NodeJS.Signals): void {
    if (!this.child?.pid) return
    // A process that sudo runs is root's: only root may signal it.
    if (this.spec.command === 'sudo') spawn('sudo', ['-n', 'kill', '-s', signal.slice(3), String(this.child.pid)], { stdio: 'ignore' })
    else this.child.kill(signal)
  }

  private afterEnd(why: string, ranMs: number): void {
    this.child = undefined
    this.events.onPid?.(undefined)
    if (this.stopping) return
    if (this.replacing) {
      this.replacing = false
      this.failures = 0
      this.start()
      return
    }
    this.failures = ranMs >= this.backoff.stableMs ? 1 : this.failures + 1
    const pause = Math.min(this.backoff.maxMs, this.backoff.firstMs * 2 ** (this.failures - 1))
    this.events.onNotice(`${why}; it is started again in ${pause / 1000} s`)
    this.retry = setTimeout(() => this.start(), pause)
  }
}
