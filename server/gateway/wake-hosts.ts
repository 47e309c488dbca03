import type { Change } from '@/server/store/change-feed'
import type { Database } from '@/server/store/database'
import type { FeedReader } from '@/server/store/feed-reader'
import { listReferencingHosts, listUploadHosts, type ObjectName } from '@/server/store/pod-references'
import type { HostSessions } from './host-sessions'

const isConfiguration = ({ kind }: Change) => kind === 'ConfigMap' || kind === 'Secret'
const nameOf = ({ tenantId, namespace, kind, name }: Change): ObjectName => ({ tenantId: tenantId ?? '', namespace: namespace ?? '', kind, name })

/**
 * Wakes the sessions whose assignments changed, and those of hosts with pods that name a ConfigMap or Secret which changed, or
 * with pods of a tenant whose uploads did; after a change of what all pull ahead, or a gap in the feed, all of them. Returns how to stop.
 */
export function wakeHostsOnChanges(feed: FeedReader, sessions: HostSessions, db: Database): () => void {
  const wake = (hosts: Iterable<string>) => {
    for (const host of hosts) sessions.get(host)?.wake()
  }
  const wakeAll = () => sessions.all().forEach((session) => session.wake())
  return feed.subscribe({
    onChanges: (changes) => {
      wake(new Set(changes.filter((c) => c.kind === 'PodAssignment').map((c) => c.name)))
      if (changes.some(({ kind }) => kind === 'ImagePrePull')) wakeAll()
      const uploaders = new Set(changes.filter(({ kind }) => kind === 'ImageUpload').flatMap(({ tenantId }) => tenantId ?? []))
      if (uploaders.size > 0) listUploadHosts(db, [...uploaders]).then((hosts) => (hosts ? wake(hosts) : wakeAll()), wakeAll)
      const changed = changes.filter(isConfiguration).map(nameOf)
      // Who cannot be found out is woken with the others: a wake too many costs a read.
      if (changed.length > 0) listReferencingHosts(db, changed).then(wake, wakeAll)
    },
    onReset: wakeAll,
  })
}
