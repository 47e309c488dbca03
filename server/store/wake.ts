import type { PrismaClient } from '@/generated/prisma/client'

export const feedChannel = 'hypernetes_changes'

const state = new WeakMap<PrismaClient, { running: boolean; again: boolean }>()

/**
 * Tells the readers of the change feed, in every process, that something was committed. Calls that come while one is
 * under way are coalesced into one more. A lost wake costs a reader's timer (half a second), never a change.
 */
export function wakeFeed(db: PrismaClient): void {
  const own = state.get(db) ?? { running: false, again: false }
  state.set(db, own)
  if (own.running) {
    own.again = true
    return
  }
  own.running = true
  void (async () => {
    do {
      own.again = false
      await db.$executeRawUnsafe(`select pg_notify('${feedChannel}', '')`).catch(() => {})
    } while (own.again)
    own.running = false
  })()
}
