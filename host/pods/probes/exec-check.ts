import { GuestRefusal, type GuestProcess } from '../ports'
import { failure, maxMessage, quoted, success, type CheckResult } from './result'
import type { CheckTarget } from './target'

/** Runs a command in the container; exit code 0 is success. At the signal it is killed. Its output is bounded. */
export async function execCheck(command: readonly string[], { guest, container }: CheckTarget, signal: AbortSignal): Promise<CheckResult> {
  const output: Uint8Array[] = []
  let bytes = 0
  const onOutput = async (_stream: string, chunk: Uint8Array) => {
    if (bytes < maxMessage) output.push(chunk)
    bytes += chunk.length
  }
  try {
    const starting = guest.exec({ container: container.name, args: [...command], stdin: false, terminal: null, onOutput })
    // Also one whose start is answered only after the time.
    const kill = (process: GuestProcess) => void process.kill('KILL').catch(() => {})
    signal.addEventListener('abort', () => void starting.then(kill, () => {}), { once: true })
    const { exitCode } = await (await starting).exited
    const said = quoted(Buffer.concat(output).subarray(0, maxMessage).toString('utf8'))
    return exitCode === 0 ? success : failure(`command exited with code ${exitCode}${said ? `: ${said}` : ''}`)
  } catch (error) {
    if (error instanceof GuestRefusal) return { outcome: 'unknown', message: `the command could not be run: ${error.message}` }
    throw error
  }
}
