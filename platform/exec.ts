import { spawn } from 'node:child_process'

/** How a command is run. Sizes are bytes, times milliseconds. */
export type ExecOptions = {
  /** Written to standard input, which is then closed. Without it standard input is /dev/null. */
  input?: string | Uint8Array
  cwd?: string
  /** The whole environment of the child; by default only PATH, LANG=C and HOME are passed on. */
  env?: NodeJS.ProcessEnv
  uid?: number
  gid?: number
  signal?: AbortSignal
  /** The child is killed (SIGKILL) after this time. Default 60 s. */
  timeoutMs?: number
  /** Bytes kept of each of stdout and stderr; more kills the child. Default 8 MiB. */
  maxOutput?: number
  /** Takes what comes on stdout, however much; then none of it is kept. */
  onStdout?: (chunk: Buffer) => void
}

/** A command that could not be started, was killed or ended with another code than 0. */
export class ExecError extends Error {
  constructor(
    readonly command: string,
    readonly code: number | null,
    readonly signal: string | null,
    readonly stderr: string,
    cause: string,
    /** It was killed for printing more than `maxOutput`. */
    readonly flooded = false,
  ) {
    super(`${command}: ${cause}${stderr.trim() ? `: ${stderr.trim().slice(-800)}` : ''}`)
    this.name = 'ExecError'
  }
}

/** What a command has where nothing else is said. */
export const defaultEnvironment = (): NodeJS.ProcessEnv => ({
  NODE_ENV: process.env.NODE_ENV,
  PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: process.env.HOME ?? '/',
  LANG: 'C.UTF-8',
})

/**
 * Runs a command given as argv (never through a shell) and collects its output as UTF-8.
 * Throws {@link ExecError} with the end of stderr when it fails, is killed or floods.
 */
export function run(command: string, args: readonly string[], options: ExecOptions = {}): Promise<{ stdout: string; stderr: string }> {
  const { input, timeoutMs = 60_000, maxOutput = 8 << 20, signal, onStdout } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? defaultEnvironment(),
      uid: options.uid,
      gid: options.gid,
      signal,
      killSignal: 'SIGKILL',
      timeout: timeoutMs,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    const collected = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
    let flooded = false
    for (const name of ['stdout', 'stderr'] as const) {
      let size = 0
      child[name]?.on('data', (chunk: Buffer) => {
        if (name === 'stdout' && onStdout) return onStdout(chunk)
        size += chunk.length
        if (size <= maxOutput) collected[name].push(chunk)
        else if (!flooded) {
          flooded = true
          child.kill('SIGKILL')
        }
      })
    }
    const text = (name: 'stdout' | 'stderr') => Buffer.concat(collected[name]).toString('utf8')
    child.once('error', (error) => reject(new ExecError(command, null, null, text('stderr'), error.message)))
    child.once('close', (code, killedBy) => {
      if (flooded) reject(new ExecError(command, code, killedBy, '', `printed more than ${maxOutput} bytes`, true))
      else if (code !== 0) reject(new ExecError(command, code, killedBy, text('stderr'), killedBy ? `killed by ${killedBy}` : `exit code ${code}`))
      else resolve({ stdout: text('stdout'), stderr: text('stderr') })
    })
    if (input !== undefined && child.stdin) {
      // A child may end before it has read everything; its exit code tells more than EPIPE does.
      child.stdin.on('error', () => {})
      child.stdin.end(input)
    }
  })
}
