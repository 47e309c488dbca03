import type { Readable } from 'node:stream'

/**
 * Calls `work` once when the supervisor that started this process has ended, however that came: its end of our standard input
 * is closed by the kernel then. Nothing is ever written there. A process that no supervisor started has no such line.
 */
export function onSupervisorGone(work: () => void, { input = process.stdin, env = process.env }: { input?: Readable; env?: NodeJS.ProcessEnv } = {}): void {
  if (env.HYPERNETES_LIFELINE !== 'stdin') return
  let gone = false
  const once = () => {
    if (!gone) work()
    gone = true
  }
  for (const event of ['end', 'error', 'close'] as const) input.once(event, once)
  input.resume()
}
