import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { currentCursor, parseCursor, readChanges, type Change, type Cursor } from '@/server/store/change-feed'
import type { ServerContext } from '../context'

/** Who follows, and which changes bring them something new: others wake nobody. */
export type Follower = { credentialId: string; concerns: (change: Change) => boolean }
/** `changes` of one batch, in commit order; the cursor is behind the last of them. */
export type Batch = { changes: Change[]; cursor: Cursor }

/**
 * The feed's batches from a resourceVersion on, or from now, the first with no change in it. They hold other tenants' changes, too: who reads them chooses. Ends when `signal` does;
 * throws `gone` when the feed no longer reaches back.
 */
export async function* followFeed(ctx: ServerContext, follower: Follower, from: string | null | undefined, signal: AbortSignal): AsyncGenerator<Batch> {
  let cursor: Cursor | null = from ? parseCursor(from) : await currentCursor(ctx.db)
  if (!cursor) throw new DomainError('gone', 'This resourceVersion is none of ours: list again.')
  countSubscription(follower.credentialId, signal)
  const wakes = wakesOf(ctx, follower, signal)
  yield { changes: [], cursor }
  for (;;) {
    const { changes, behind } = await readChanges(ctx.db, cursor)
    const last = changes[changes.length - 1]
    if (last) {
      cursor = last.cursor
      yield { changes, cursor }
    }
    if (signal.aborted) return
    if (changes.length === 0 || !behind) await wakes.next()
    if (signal.aborted) return
  }
}

/** Other tenants' changes wake no one of a tenant. */
export const followerIn = ({ tenantId, actor }: Scope): Follower => ({ credentialId: actor.credentialId, concerns: (change) => change.tenantId === tenantId })

const maxSubscriptions = 100
const subscriptions = new Map<string, number>()

/** One credential may watch so much at a time in one process; a browser needs one or two. */
function countSubscription(credentialId: string, signal: AbortSignal): void {
  const open = subscriptions.get(credentialId) ?? 0
  if (open >= maxSubscriptions) throw new DomainError('rate_limited', `More than ${maxSubscriptions} watches are open: close some first.`)
  subscriptions.set(credentialId, open + 1)
  signal.addEventListener('abort', () => {
    const left = (subscriptions.get(credentialId) ?? 1) - 1
    if (left > 0) subscriptions.set(credentialId, left)
    else subscriptions.delete(credentialId)
  })
}

/** Resolves when the feed may have something new; several wakes while nobody waits count once. */
function wakesOf(ctx: ServerContext, { concerns }: Follower, signal: AbortSignal): { next(): Promise<void> } {
  let pending = false
  let resolve: (() => void) | null = null
  const wake = () => {
    pending = true
    resolve?.()
  }
  // The timer keeps the cursor above the feed's floor.
  const unsubscribe = ctx.feed.subscribe({ onChanges: (changes) => changes.some(concerns) && wake(), onReset: wake })
  const timer = setInterval(wake, 60_000)
  signal.addEventListener('abort', () => {
    unsubscribe()
    clearInterval(timer)
    wake()
  })
  return {
    next: async () => {
      if (!pending && !signal.aborted) await new Promise<void>((done) => (resolve = done))
      pending = false
      resolve = null
    },
  }
}
