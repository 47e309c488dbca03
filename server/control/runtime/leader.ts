import { randomUUID } from 'node:crypto'
import { acquireLease, releaseLease } from '@/server/store/leases'
import type { DatabaseClient } from '@/server/store/database'
import type { Logger } from '@/platform/logger'

export type LeaseTimes = { leaseMs: number; renewMs: number }
const defaultTimes: LeaseTimes = { leaseMs: 5000, renewMs: 1500 }
/** Of the lease: the rest is for two clocks that do not run alike, and for what is under way at the end. */
const leadingPart = 0.8

/**
 * Holds the lease of `control`: `lead` runs while this process holds it and its signal aborts when the lease is lost or
 * could not be renewed in time. Writes of a leader that lost the lease are harmless, since all of them are conditional.
 */
export function runWhileLeader(db: DatabaseClient, log: Logger, lead: (signal: AbortSignal) => Promise<void>, { leaseMs, renewMs }: LeaseTimes = defaultTimes): { close(): Promise<void> } {
  const holder = randomUUID()
  let closed = false
  let term: { number: bigint; controller: AbortController; done: Promise<void> } | null = null
  let timer: NodeJS.Timeout | undefined
  let lapse: NodeJS.Timeout | undefined

  const stepDown = async () => {
    term?.controller.abort()
    await term?.done.catch(() => {})
    term = null
  }
  const begin = (number: bigint) => {
    const controller = new AbortController()
    const done = lead(controller.signal).catch((err: unknown) => {
      log.error({ err }, 'the leader stopped with an error')
      controller.abort()
    })
    term = { number, controller, done }
    log.info('this process leads')
  }
  /** The end of leading by a timer of its own: a database that gives no answer cannot keep a leader beyond its lease. */
  const leadFor = (ms: number) => {
    clearTimeout(lapse)
    lapse = setTimeout(() => {
      if (term) log.warn('the lease was not renewed in time: this process leads no longer')
      term?.controller.abort()
    }, ms)
  }
  const beat = async () => {
    // The lease counts from when the database took it, which is no earlier than this.
    const askedAt = performance.now()
    try {
      const held = await acquireLease(db, 'control', holder, leaseMs / 1000)
      // Another term than ours: somebody else has led meanwhile.
      if (term && (held !== term.number || term.controller.signal.aborted)) await stepDown()
      const left = askedAt + leaseMs * leadingPart - performance.now()
      if (held !== null && left > 0 && !closed) {
        leadFor(left)
        if (!term) begin(held)
      }
    } catch (err) {
      log.warn({ err }, 'the lease could not be renewed')
    }
    if (term?.controller.signal.aborted) await stepDown()
    if (!closed) timer = setTimeout(() => void beat(), renewMs)
  }
  void beat()
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      clearTimeout(lapse)
      await stepDown()
      await releaseLease(db, 'control', holder).catch(() => {})
    },
  }
}
