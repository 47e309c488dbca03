import type { Clock } from './clock'

/** Timers of Node hold at most about 24 days. */
const longestMs = 2 ** 30

/** Waits until a time, however far it is; rejects when the signal is aborted. */
export async function sleepUntil(clock: Clock, at: number, signal: AbortSignal): Promise<void> {
  do await clock.sleep(Math.min(Math.max(0, at - clock.now()), longestMs), signal)
  while (clock.now() < at)
}
