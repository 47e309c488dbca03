import type { Clock } from './clock'
import type { Machine } from './ports'

const tryEveryMs = 1_000

/** A VM that stands still since before this agent was started, for a full store or a snapshot that nobody ended, cannot answer: it is tried again until it goes on, or the signal. */
export async function untilItGoesOn({ volumes, exited }: Machine, clock: Clock, signal: AbortSignal): Promise<void> {
  let isGone = false
  void exited.then(() => (isGone = true))
  while (!isGone && !signal.aborted && (await volumes.isStopped())) {
    await volumes.resume()
    await clock.sleep(tryEveryMs, signal).catch(() => {})
  }
}
