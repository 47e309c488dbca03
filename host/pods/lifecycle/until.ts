import type { Clock } from '../clock'

/** When a stop must be over, by the steady clock, and a promise that resolves when that has changed. */
export type StopBound = { deadline: () => number; changed: () => Promise<void> }

/** Waits for `done`, until the deadline, which may move meanwhile, or the signal. Whether it was done in time. */
export async function untilDeadline(clock: Clock, done: Promise<unknown>, bound: StopBound, signal?: AbortSignal): Promise<boolean> {
  let isDone = false
  const finished = done.then(() => (isDone = true))
  finished.catch(() => {})
  for (;;) {
    // What is done already is seen before the time is looked at.
    await Promise.race([finished, Promise.resolve()])
    const left = bound.deadline() - clock.steady()
    if (isDone || left <= 0 || signal?.aborted) return isDone
    const timer = new AbortController()
    await Promise.race([finished, bound.changed(), clock.sleep(left, signal ? AbortSignal.any([timer.signal, signal]) : timer.signal).catch(() => {})])
    timer.abort()
  }
}

/** A bound that does not move. */
export const fixedBound = (deadline: number): StopBound => ({ deadline: () => deadline, changed: () => new Promise(() => {}) })
