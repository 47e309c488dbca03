import type { Change } from '@/server/store/change-feed'
import type { Database } from '@/server/store/database'
import { listBalancerHosts, someExternalHosts, type ExternalChanges } from '@/server/store/external-state'
import type { FeedReader } from '@/server/store/feed-reader'
import { listReferencingHosts, listUploadHosts, type ObjectName } from '@/server/store/pod-references'
import { listNetworkHosts, type NetworkChanges } from '@/server/store/network-hosts'
import type { HostSessions } from './host-sessions'
import { LabelWakes } from './label-wakes'

const isConfiguration = ({ kind }: Change) => kind === 'ConfigMap' || kind === 'Secret'
const nameOf = ({ tenantId, namespace, kind, name }: Change): ObjectName => ({ tenantId: tenantId ?? '', namespace: namespace ?? '', kind, name })

const differs = (a: object | null, b: object | null) => JSON.stringify(Object.entries(a ?? {}).sort()) !== JSON.stringify(Object.entries(b ?? {}).sort())

/** What the changes say of networks. A pod counts by its labels, its host and its addresses, which are changes of their own: what it reports is no matter of others. */
function networkChanges(changes: readonly Change[]): NetworkChanges | null {
  const of = (...kinds: string[]) => changes.filter(({ kind }) => kinds.includes(kind))
  const services = of('Service', 'Endpoints')
  // Of what is gone, nothing says any more in which network it was.
  const gone = services.filter(({ action }) => action === 'deleted')
  const found = {
    networks: [...new Set(of('NetworkSpec', 'NetworkPeers').map(({ uid }) => uid))],
    addresses: [...new Set(of('NetworkAddress').map(({ uid }) => uid))],
    pods: [...of('Pod').filter(({ action, oldLabels, newLabels }) => action === 'modified' && differs(oldLabels, newLabels)), ...of('PodAssignment').filter(({ action }) => action === 'added')].map(({ uid }) => uid),
    services: services.filter(({ action }) => action !== 'deleted').map(nameOf),
    tenants: [...new Set([...gone, ...of('SecurityGroup', 'NetworkPolicy', 'Namespace')].flatMap(({ tenantId }) => tenantId ?? []))],
  }
  return Object.values(found).some((list) => list.length > 0) ? found : null
}

/** What the changes may mean for balancers. A pod counts by the weight that its annotation asks for. */
function balancerChanges(changes: readonly Change[]): ExternalChanges | null {
  const of = (...kinds: string[]) => changes.filter(({ kind }) => kinds.includes(kind))
  const found = { endpoints: of('Endpoints', 'Service').map(nameOf), secrets: of('Secret').map(nameOf), networks: [...new Set(of('NetworkSpec').map(({ uid }) => uid))], pods: [...new Set(of('PodWeight').map(({ uid }) => uid))] }
  return Object.values(found).some((list) => list.length > 0) ? found : null
}

/** Whether networks changed by labels of pods and by nothing else. */
const isLabelsAlone = (changes: readonly Change[]): boolean => !changes.some(({ kind }) => ['Service', 'Endpoints', 'NetworkSpec', 'NetworkPeers', 'NetworkAddress', 'PodAssignment', 'SecurityGroup', 'NetworkPolicy', 'Namespace'].includes(kind))

/**
 * Wakes the sessions whose assignments changed, and those of hosts with pods that name a ConfigMap or Secret which changed, or
 * with pods of a tenant whose uploads did; after a change of what all pull ahead, or a gap in the feed, all of them. Of what a network holds,
 * those with pods of the network are told that it changed; of what is reached from outside, those that answer for it; of volumes, those that keep or read them. Returns how to stop.
 */
export function wakeHostsOnChanges(feed: FeedReader, sessions: HostSessions, db: Database): () => void {
  const wake = (hosts: Iterable<string>) => {
    for (const host of hosts) sessions.get(host)?.wake()
  }
  const wakeAll = () => sessions.all().forEach((session) => session.wake())
  const wakeWhole = () => sessions.all().forEach((session) => session.wakeWhole())
  const wakeNetwork = (networkId: string, hostId: string) => sessions.get(hostId)?.wakeNetwork(networkId)
  const labels = new LabelWakes(wakeNetwork)
  const wakeForLabels = (rows: { hostId: string; networkId: string }[]) => {
    for (const id of new Set(rows.map(({ networkId }) => networkId))) labels.wake(id, rows.flatMap(({ hostId, networkId }) => (networkId === id ? hostId : [])))
  }
  let asked = 0
  const wakeExternal = (changes: readonly Change[]) => {
    for (const { name, uid } of changes.filter(({ kind }) => kind === 'External')) sessions.get(name)?.wakeObjects([uid])
    if (changes.some(({ kind }) => kind === 'AddressPool')) sessions.all().forEach((session) => session.wakeObjects([]))
    // Who else could take over is of all hosts, and changes seldom: most changes of a host are no matter of others.
    if (changes.some(({ kind }) => kind === 'Host')) {
      const turn = (asked += 1)
      // Answers may come in another order than they were asked for: the last question's is what is so.
      someExternalHosts(db).then((hosts) => turn === asked && sessions.all().forEach((session) => session.wakeOthers(hosts.some((id) => id !== session.hostId))), wakeWhole)
    }
    const ofBalancers = balancerChanges(changes)
    if (ofBalancers) listBalancerHosts(db, ofBalancers).then((rows) => rows.forEach(({ hostId, uid, whole }) => (whole ? sessions.get(hostId)?.wakeObjects([uid]) : sessions.get(hostId)?.wakeBalancer(uid))), wakeWhole)
  }
  /** Of a host that is heard of again, what was taken for lost is looked at anew. */
  const wakeVolumes = (changes: readonly Change[]) => {
    for (const { name, uid } of changes.filter(({ kind }) => kind === 'VolumeHost')) sessions.get(name)?.wakeVolumes([uid])
    for (const { uid } of changes.filter(({ kind }) => kind === 'Host')) sessions.get(uid)?.wakeVolumes(null)
  }
  const unsubscribe = feed.subscribe({
    onChanges: (changes) => {
      wake(new Set(changes.filter((c) => c.kind === 'PodAssignment').map((c) => c.name)))
      wakeVolumes(changes)
      if (changes.some(({ kind }) => kind === 'ImagePrePull')) wakeAll()
      const uploaders = new Set(changes.filter(({ kind }) => kind === 'ImageUpload').flatMap(({ tenantId }) => tenantId ?? []))
      if (uploaders.size > 0) listUploadHosts(db, [...uploaders]).then((hosts) => (hosts ? wake(hosts) : wakeAll()), wakeAll)
      const ofNetworks = networkChanges(changes)
      if (ofNetworks) listNetworkHosts(db, ofNetworks).then((rows) => (isLabelsAlone(changes) ? wakeForLabels(rows) : rows.forEach(({ hostId, networkId }) => wakeNetwork(networkId, hostId))), wakeWhole)
      if (sessions.takesExternal) wakeExternal(changes)
      const changed = changes.filter(isConfiguration).map(nameOf)
      // Who cannot be found out is woken with the others: a wake too many costs a read.
      if (changed.length > 0) listReferencingHosts(db, changed).then(wake, wakeAll)
    },
    onReset: wakeWhole,
  })
  return () => {
    unsubscribe()
    labels.close()
  }
}
