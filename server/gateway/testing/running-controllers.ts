import type { startTestServer } from '@/server/api/testing/server'
import { runControllers } from '@/server/control/runtime/controller'
import { FeedReader } from '@/server/store/feed-reader'
import type { HostSessions } from '../host-sessions'
import { wakeHostsOnChanges } from '../wake-hosts'

/** Runs controllers on a test's server, as the control process does: with a reader of the feed of their own; and wakes hosts. Resolves with what ends both. */
export async function startControllers({ db, url, server }: Awaited<ReturnType<typeof startTestServer>>, sessions: HostSessions, controllers: Parameters<typeof runControllers>[1]): Promise<() => Promise<void>> {
  const feed = new FeedReader(db, url, () => {})
  await feed.start()
  const stopWaking = wakeHostsOnChanges(server.feed, sessions, db)
  const ended = new AbortController()
  const running = runControllers({ db, log: server.log, feed }, controllers, ended.signal)
  return async () => {
    stopWaking()
    ended.abort()
    await running
    await feed.close()
  }
}
