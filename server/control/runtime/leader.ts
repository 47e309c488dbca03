import { randomUUID } from 'node:crypto'
import { acquireLease, releaseLease } from '@/server/store/leases'
import type { DatabaseClient } from '@/server/store/database'
import type { Logger } from '@/platform/logger'

const leaseSeconds = 5
const renewMs = 1500

/**
 * Holds the lease of `control`: `lead` runs while this process holds it and its signal aborts when the lease is lost or
 * could not be renewed in time. Writes of a leader that lost the lease are harmless, since all of them are conditional.
 */
export function runWhileLeader(db: DatabaseClient, log: Logger, lead: (signal: AbortSignal) => Promise<void>): { close(): Promise<void> } {
  const holder = randomUUID()
  let closed = false
  let term: { number: bigint; controller: AbortController; done: Promise<void> } | null = null
  let renewedAt = 0
  let timer: NodeJS.Timeout | undefined

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
  const beat = async () => {
    try {
      const held = await acquireLease(db, 'control', holder, leaseSeconds)
      if (held !== null) renewedAt = performance.now()
      // Another term than ours: somebody else has led meanwhile.
      if (term && held !== term.number) await stepDown()
      if (held !== null && !term && !closed) begin(held)
    } catch (err) {
      log.warn({ err }, 'the lease could not be renewed')
    }
    if (term && (term.controller.signal.aborted || performance.now() - renewedAt > (leaseSeconds - 1) * 1000)) await stepDown()
    if (!closed) timer = setTimeout(() => void beat(), renewMs)
  }
  void beat()
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await stepDown()
      await releaseLease(db, 'control', holder).catch(() => {})
    },
  }
}
