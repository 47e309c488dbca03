import type { Database } from '@/server/store/database'
import { listBalancers, listExternalHosts, listHeldAddresses, listTargetedPods, type HostFacts } from '@/server/store/load-balancers'
import type { SourceReader } from './sources'
import type { World } from './world'

/** All that a tenant has on the outside; or what of it has to be compiled before. `lost`: which of the hosts may answer for nothing any more. `refusals`: why balancers have no address in their network, by uid. */
export async function readWorld(db: Database, tenantId: string, reader: SourceReader, lost: (hosts: readonly HostFacts[]) => ReadonlySet<string>, refusals: ReadonlyMap<string, string>): Promise<World | { stale: string[] }> {
  const read = await reader.read(db, tenantId)
  if ('stale' in read) return read
  const digests = new Map(read.sources.map(({ uid, compiled }) => [uid, compiled]))
  const balancers = await listBalancers(db, tenantId)
  const hosts = await listExternalHosts(db, tenantId)
  const gone = lost(hosts)
  const known = new Set(hosts.map(({ id }) => id))
  return {
    sources: read.sources,
    addresses: await listHeldAddresses(db, tenantId),
    balancers: balancers.map(({ compiledDigest, reach, ...balancer }) => ({ ...balancer, reach: new Set(reach.every((id) => known.has(id)) ? reach : []), same: compiledDigest === (digests.get(balancer.sourceUid) ?? null), refusal: refusals.get(balancer.uid) ?? '' })),
    pods: await listTargetedPods(db, tenantId),
    hosts: hosts.map(({ id, name, phase, capable, cordoned, balancers: count, networks }) => ({ id, name, ready: phase === 'Ready', capable, cordoned, lost: gone.has(id), balancers: count, networks: new Set(networks) })),
  }
}
