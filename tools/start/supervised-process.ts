import { spawn, type ChildProcess } from 'node:child_process'
import type { Account } from '@/tools/postgres/cluster'
import { eachLine, readable } from '@/tools/start/log-lines'
import { signalProcess } from '@/tools/start/signal'

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

export type Backoff = { firstMs: number; maxMs: number; /** A run this long forgets earlier failures. */ stableMs: number; /** From this failure in a row on its last words are told too. */ tellAfter: number }

const usual: Backoff = { firstMs: 500, maxMs: 30_000, stableMs: 20_000, tellAfter: 3 }
/** Of a process' last line, characters. */
const LAST_LINE = 500
const fault = /(error|fatal|cannot|could not)\b/i
/** What Node prints around the message of an error that nobody caught. */
const noise = /^\s*$|^\s+at |^\s*\^|^\s*[{}]\s*$|^Node\.js v|^(file|node):/

/**
 * A process that is started again whenever it ends, after a pause that doubles with each failure, until `stop`. It
 * runs in a process group of its own, so that Ctrl-C in a terminal reaches the supervisor alone.
 */
export class SupervisedProcess {
  private child: ChildProcess | undefined
  private failures = 0
  private lastLine = ''
  private lastFault = ''
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
    this.lastLine = this.lastFault = ''
    const child = spawn(command, args, { cwd, env: { ...env, HYPERNETES_LIFELINE: 'stdin' }, ...account, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    // Nothing is written: its end tells the process that we are gone (platform/lifeline.ts).
    child.stdin.on('error', () => {})
    this.child = child
    const onLine = (line: string) => {
      if (!noise.test(line)) this.lastLine = readable(line)
      if (fault.test(this.lastLine)) this.lastFault = this.lastLine
      this.events.onLine(line)
    }
    eachLine(child.stdout, onLine)
    eachLine(child.stderr, onLine)
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

  /** Ends it for good: by `signal`, and SIGKILL when that takes too long. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.stopping = true
    clearTimeout(this.retry)
    if (!this.child) return
    this.signal(signal)
    const killer = setTimeout(() => {
      this.events.onNotice(`did not end within ${Math.round(this.spec.stopTimeoutMs / 1000)} s and is killed`)
      this.signal('SIGKILL')
    }, this.spec.stopTimeoutMs)
    await this.ended
    clearTimeout(killer)
  }

  /** A process that never comes up is not waited for in silence. */
  private diagnosis(ranMs: number): string {
    const line = this.lastFault || this.lastLine
    const lastWords = line ? `It last said: ${line.slice(0, LAST_LINE)}` : 'It printed nothing'
    return `. It has ended ${this.failures} times in a row, this time after ${(ranMs / 1000).toFixed(1)} s. ${lastWords}. Look at its lines above, and run npm run doctor; it is tried again and again meanwhile`
  }

  private signal(signal: NodeJS.Signals): void {
    if (this.child?.pid) signalProcess(this.child.pid, signal)
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
    this.events.onNotice(`${why}; it is started again in ${pause / 1000} s${this.failures < this.backoff.tellAfter ? '' : this.diagnosis(ranMs)}`)
    this.retry = setTimeout(() => this.start(), pause)
  }
}
