import { setTimeout as sleepUnref } from 'node:timers/promises'

/** Time as the workers see it, so that tests need not wait. Milliseconds since 1970. */
export interface Clock {
  now(): number
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await sleepUnref(ms, undefined, { signal })
  },
}

/** RFC 3339 of a clock's time. */
export const timestamp = (clock: Clock): string => new Date(clock.now()).toISOString()
