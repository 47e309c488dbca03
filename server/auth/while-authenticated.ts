import type { DatabaseClient } from '@/server/store/database'
import type { FeedReader } from '@/server/store/feed-reader'
import { isStillAuthenticated } from './authenticate'
import type { Actor } from './scope'

const recheckMs = 30_000

/**
 * Calls `end` once when the credential is revoked (by the change feed, within a second) or has expired. For requests that
 * last: those are checked when they begin, and would go on. Returns what stops the watch.
 */
export function whileAuthenticated(server: { db: DatabaseClient; feed: FeedReader }, actor: Actor, end: () => void): () => void {
  const check = () => {
    void isStillAuthenticated(server.db, actor).then((isGood) => {
      if (!isGood) end()
    }, () => {})
  }
  const unsubscribe = server.feed.subscribe({
    onChanges: (changes) => {
      if (changes.some((change) => change.kind === 'Revocation' && change.uid === actor.credentialId)) end()
    },
    onReset: check,
  })
  const timer = setInterval(check, recheckMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    unsubscribe()
  }
}
