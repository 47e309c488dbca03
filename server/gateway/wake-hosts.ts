import type { FeedReader } from '@/server/store/feed-reader'
import type { HostSessions } from './host-sessions'

/** Wakes the sessions whose assignments changed; after a gap in the feed, all of them. Returns how to stop. */
export function wakeHostsOnChanges(feed: FeedReader, sessions: HostSessions): () => void {
  return feed.subscribe({
    onChanges: (changes) => {
      const hosts = new Set(changes.filter((c) => c.kind === 'PodAssignment').map((c) => c.name))
      for (const host of hosts) sessions.get(host)?.wake()
    },
    onReset: () => sessions.all().forEach((session) => session.wake()),
  })
}
