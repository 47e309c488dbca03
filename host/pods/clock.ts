import { setTimeout as sleepUnref } from 'node:timers/promises'

/** Time as the workers see it, so that tests need not wait. All times are milliseconds. */
export interface Clock {
  /** Since 1970: what is told and kept. It may be set, forwards and back: nothing that lasts is measured by it. */
  now(): number
  /** Since the machine was started, the same for all its processes, set by nobody: waits, deadlines and back-offs are measured by it. */
  steady(): number
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => Number(process.hrtime.bigint() / 1_000n) / 1_000,
  sleep: async (ms, signal) => {
    await sleepUnref(ms, undefined, { signal })
  },
}

/** One moment by both clocks. */
export type Moment = { wall: number; steady: number }
export const momentOf = (clock: Clock): Moment => ({ wall: clock.now(), steady: clock.steady() })

/**
 * When something that began at `wall` did so by the steady clock, as far as the wall's can be believed: what seems to lie
 * ahead began now.
 */
export const steadySince = (wall: number, now: Moment): number => now.steady - Math.max(0, now.wall - wall)

/** RFC 3339 of a clock's time. */
export const timestamp = (clock: Clock): string => new Date(clock.now()).toISOString()
