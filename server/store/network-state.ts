import { z } from 'zod'
import { networkPolicySpec } from '@/domain/network-policy/spec'
import { networkSpec } from '@/domain/network/spec'
import type { NetworkState, StateEndpoints, StatePeer, StatePod, StatePolicy, StateGroup, StateService } from '@/domain/network/state'
import { securityGroupSpec } from '@/domain/security-group/spec'
import { serviceSpec } from '@/domain/service/spec'
import { labels } from '@/domain/shared/names'
import type { Database } from './database'
import { storedSubsets } from './stored-subsets'

type Kinds = { pod: StatePod; service: StateService; endpoints: StateEndpoints; group: StateGroup; policy: StatePolicy }
type Kind = keyof Kinds
type Held<K extends Kind> = { revision: string; row: Kinds[K] }

type CachedNetwork = { rows: { [K in Kind]: Map<string, Held<K>> }; /** What was read last, by all that it was read from. */ last: { signature: string; state: NetworkState } | null }

/** So many networks are remembered, those that were read last. */
const maxNetworks = 500

/**
 * What was read of a network before, by its rows' revisions: a row that has not changed is neither sent nor parsed again, and where nothing has, the state
 * is the same object. It only saves time.
 */
export class NetworkStateCache {
  private readonly networks = new Map<string, CachedNetwork>()

  of(networkId: string): CachedNetwork {
    const found = this.networks.get(networkId) ?? { rows: { pod: new Map(), service: new Map(), endpoints: new Map(), group: new Map(), policy: new Map() }, last: null }
    this.networks.delete(networkId)
    this.networks.set(networkId, found)
    for (const id of this.networks.keys()) if (this.networks.size > maxNetworks) this.networks.delete(id)
    return found
  }
}

type Revision = { kind: Kind; uid: string; revision: string }

/**
 * Everything that is in a network, or null when it is not there. Read it in a transaction of one snapshot (`inSnapshot`) wherever it must be
 * of one time; `cache` makes a second reading cost what has changed.
 */
export async function readNetworkState(db: Database, networkId: string, cache = new NetworkStateCache()): Promise<NetworkState | null> {
  const [found] = await db.$queryRaw<(Omit<NetworkState['network'], 'spec'> & { spec: unknown; namespaces: unknown })[]>`
    select n."uid", n."number", n."name", n."tenantId", n."spec", coalesce((select jsonb_agg(jsonb_build_object('name', s."name", 'labels', s."labels") order by s."name" collate "C")
      from "Namespace" s where s."tenantId" = n."tenantId" and coalesce(s."spec" ->> 'network', 'default') = n."name"), '[]'::jsonb) as "namespaces"
    from "Network" n where n."uid" = ${networkId}::uuid`
  if (!found) return null
  const { namespaces, ...network } = found
  const usedBy = z.array(z.object({ name: z.string(), labels })).parse(namespaces)
  const revisions = await db.$queryRaw<Revision[]>`
    select 'pod' as kind, p."uid", p."revision"::text as revision from "Pod" p where p."networkId" = ${networkId}::uuid and exists (select from "NetworkAddress" a where a."podUid" = p."uid")
    union all select 'service', s."uid", s."revision"::text from "Service" s where s."networkId" = ${networkId}::uuid
    union all select 'endpoints', e."uid", e."revision"::text from "Service" s join "Endpoints" e on e."tenantId" = s."tenantId" and e."namespace" = s."namespace" and e."name" = s."name" where s."networkId" = ${networkId}::uuid
    union all select 'group', g."uid", g."revision"::text from "SecurityGroup" g where g."networkId" = ${networkId}::uuid
    union all select 'policy', n."uid", n."revision"::text from "NetworkPolicy" n where n."tenantId" = ${network.tenantId} and n."namespace" = any(${usedBy.map(({ name }) => name)})
    order by 1, 2`
  const cached = cache.of(networkId)
  const peers = await readPeers(db, networkId)
  const signature = JSON.stringify([found, peers, revisions])
  if (cached.last?.signature === signature) return cached.last.state
  const rows = async <K extends Kind>(kind: K, read: (uids: string[]) => Promise<Kinds[K][]>): Promise<Kinds[K][]> => {
    const held: Map<string, Held<K>> = cached.rows[kind]
    const now = revisions.filter((one) => one.kind === kind).map(({ uid, revision }) => ({ uid, revision, row: held.get(uid)?.revision === revision ? held.get(uid)?.row : undefined, before: held.get(uid)?.row }))
    const changed = now.filter(({ row }) => !row).map(({ uid }) => uid)
    const fresh = new Map((changed.length > 0 ? await read(changed) : []).map((row) => [row.uid, row]))
    held.clear()
    return now.flatMap(({ uid, revision, before, row = sameRow(before, fresh.get(uid)) }) => {
      if (!row) return []
      held.set(uid, { revision, row })
      return [row]
    })
  }
  const state: NetworkState = {
    network: { ...network, spec: networkSpec.parse(network.spec) },
    namespaces: usedBy,
    peers,
    groups: await rows('group', (uids) => readGroups(db, uids)),
    policies: await rows('policy', (uids) => readPolicies(db, uids)),
    services: await rows('service', (uids) => readServices(db, uids)),
    endpoints: await rows('endpoints', (uids) => readEndpoints(db, uids)),
    pods: await rows('pod', (uids) => readPods(db, uids)),
  }
  cached.last = { signature, state }
  return state
}

/** The row as it was, where it says what it said: most of what a pod reports is no matter of its network. */
const sameRow = <T>(before: T | undefined, now: T | undefined): T | undefined => (before && JSON.stringify(before) === JSON.stringify(now) ? before : now)

const namedPorts = z.array(z.object({ name: z.string(), protocol: z.enum(['TCP', 'UDP']).catch('TCP'), containerPort: z.number() }).transform(({ name, protocol, containerPort }) => ({ name, protocol, port: containerPort })))
const podRow = z.object({ uid: z.string(), namespace: z.string(), name: z.string(), labels, hostId: z.string().nullable(), hostname: z.string().nullable(), subdomain: z.string().nullable(), securityGroups: z.array(z.string()), addresses: z.array(z.string()), ports: namedPorts })

async function readPods(db: Database, uids: string[]): Promise<StatePod[]> {
  const rows = await db.$queryRaw<unknown[]>`
    select p."uid", p."namespace", p."name", p."labels", p."hostId", p."spec" ->> 'hostname' as "hostname", p."spec" ->> 'subdomain' as "subdomain",
      coalesce(p."spec" #> '{network,securityGroups}', '[]'::jsonb) as "securityGroups",
      array(select host(a."address") from "NetworkAddress" a where a."podUid" = p."uid" order by a."address") as "addresses",
      jsonb_path_query_array(p."spec", '$.containers[*].ports[*] ? (exists(@.name))') || jsonb_path_query_array(p."spec", '$.initContainers[*] ? (@.restartPolicy == "Always").ports[*] ? (exists(@.name))') as "ports"
    from "Pod" p where p."uid" = any(${uids}::uuid[])`
  return z.array(podRow).parse(rows)
}

async function readServices(db: Database, uids: string[]): Promise<StateService[]> {
  const rows = await db.$queryRaw<{ uid: string; namespace: string; name: string; spec: unknown; addresses: string[] }[]>`
    select s."uid", s."namespace", s."name", s."spec", array(select host(a."address") from "ServiceAddress" a where a."serviceUid" = s."uid" order by a."address") as "addresses"
    from "Service" s where s."uid" = any(${uids}::uuid[])`
  return rows.map((row) => ({ ...row, spec: serviceSpec.parse(row.spec) }))
}

async function readEndpoints(db: Database, uids: string[]): Promise<StateEndpoints[]> {
  const rows = await db.endpoints.findMany({ where: { uid: { in: uids } }, select: { uid: true, namespace: true, name: true, subsets: true } })
  return rows.map((row) => ({ ...row, subsets: storedSubsets(row.subsets) }))
}

async function readGroups(db: Database, uids: string[]): Promise<StateGroup[]> {
  const rows = await db.securityGroup.findMany({ where: { uid: { in: uids } }, select: { uid: true, name: true, spec: true } })
  return rows.map((row) => ({ ...row, spec: securityGroupSpec.parse(row.spec) }))
}

async function readPolicies(db: Database, uids: string[]): Promise<StatePolicy[]> {
  const rows = await db.networkPolicy.findMany({ where: { uid: { in: uids } }, select: { uid: true, namespace: true, name: true, spec: true } })
  return rows.map((row) => ({ ...row, spec: networkPolicySpec.parse(row.spec) }))
}

/**
 * The networks that this one may talk with: a peering of one of the two sides is active, and of two tenants each has its own. That both are
 * there, and that both networks have no subnets but those agreed on, is looked at here, so that a word taken back and a change count at once.
 */
async function readPeers(db: Database, networkId: string): Promise<StatePeer[]> {
  const rows = await db.$queryRaw<{ uid: string; number: number; name: string; spec: unknown }[]>`
    with pairs as (
      select p."uid", p."createdAt", p."tenantId", p."peerTenantId", own."uid" as "ownId", other."uid" as "otherId" from "NetworkPeering" p
      join "Network" own on own."uid" = p."networkId" join "Network" other on other."tenantId" = p."peerTenantId" and other."name" = p."peerNetwork"
      where p."networkId" = ${networkId}::uuid or (p."peerTenantId", p."peerNetwork") = (select n."tenantId", n."name" from "Network" n where n."uid" = ${networkId}::uuid)),
    ages as (select case when p."ownId" = ${networkId}::uuid then p."otherId" else p."ownId" end as "uid", min(p."createdAt") as "began" from pairs p group by 1)
    select m."uid", m."number", m."name", m."spec" from pairs p
    join "ObjectCondition" c on c."objectUid" = p."uid" and c."type" = 'Active' and c."status" = 'True'
    join "Network" m on m."uid" = case when p."ownId" = ${networkId}::uuid then p."otherId" else p."ownId" end join ages a on a."uid" = m."uid"
    where p."ownId" <> p."otherId" and m."deletedAt" is null and (p."tenantId" = p."peerTenantId" or peer_agreed(${networkId}::uuid, m."uid"))
    group by m."uid", a."began" order by a."began", m."uid"`
  return rows.map((row) => ({ ...row, spec: networkSpec.parse(row.spec) }))
}
