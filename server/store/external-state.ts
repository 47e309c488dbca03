import { z } from 'zod'
import type { ExternalState, StateBackendService, StateBalancer, StateFloating, StatePool } from '@/domain/external/state'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { parseWeight, weightAnnotation } from '@/domain/load-balancer/annotations'
import { networkSpec, subnetsOf } from '@/domain/network/spec'
import type { EndpointSubset } from '@/domain/service/endpoints'
import { serviceSpec } from '@/domain/service/spec'
import type { Database, Transaction } from './database'
import { readCompiled, type CompiledCache } from './balancer-models'
import { storedSubsets } from './stored-subsets'

const podUid = z.uuid()
type EndpointAddress = EndpointSubset['addresses'][number]

/** Addresses whose row names this host and that it shall answer for no more, and balancers that shall leave it. */
export type Unwanted = { addresses: { uid: string; address: string }[]; balancers: string[] }
export type HostExternal = { state: ExternalState; unwanted: Unwanted }

/**
 * What a host shall answer for on the outside, and what of its rows it shall let go of; of balancers and addresses, all or those with some uids. Read it in one snapshot
 * (`inSnapshot`).
 */
export async function readHostExternal(db: Database, hostId: string, cache: CompiledCache, uids: readonly string[] | null = null): Promise<HostExternal> {
  const floating = await db.$queryRaw<StateFloating[]>`
    select f."uid", f."poolId", host(f."address") as "address", p."networkId", p."uid" as "podUid", host(a."address") as "podAddress"
    from "FloatingAddress" f join "Pod" p on p."uid" = f."podUid" and p."hostId" = f."hostId" join lateral (
      select n."address" from "NetworkAddress" n where n."podUid" = p."uid" and family(n."address") <= family(f."address") order by family(n."address") desc limit 1
    ) a on true
    where f."hostId" = ${hostId}::uuid and (${uids === null} or f."uid" = any(${uids ?? []}::uuid[])) order by f."uid"`
  const balancers = await readBalancers(db, hostId, cache, uids)
  const unwanted = await db.$queryRaw<{ uid: string; address: string }[]>`
    select f."uid", host(f."address") as "address" from "FloatingAddress" f left join "LoadBalancer" b on b."uid" = f."loadBalancerUid" and b."hostId" = f."hostId" and not b."leaving"
    where f."hostId" = ${hostId}::uuid and f."podUid" is null and b."uid" is null`
  const leaving = await db.loadBalancer.findMany({ where: { hostId, leaving: true }, select: { uid: true } })
  const pools = await db.$queryRaw<{ uid: string; name: string; spec: unknown }[]>`select p."uid", p."name", p."spec" from "AddressPool" p where exists (select from "FloatingAddress" f where f."poolId" = p."uid" and f."hostId" = ${hostId}::uuid) order by p."uid"`
  const others = await db.$queryRaw<unknown[]>`select 1 from "Host" h where h."id" <> ${hostId}::uuid and coalesce(h."hello" -> 'capabilities' @> '["externalObjects"]'::jsonb, false) limit 1`
  return {
    state: { pools: pools.map(toPool), floating, balancers, ...(await readBackends(db, hostId, balancers)), others: others.length > 0 },
    unwanted: { addresses: unwanted, balancers: leaving.map(({ uid }) => uid) },
  }
}

/** Of the hosts that could answer for something on the outside, two: who else could take over is asked of these. */
export const someExternalHosts = async (db: Database): Promise<string[]> => (await db.$queryRaw<{ id: string }[]>`select "id" from "Host" h where coalesce(h."hello" -> 'capabilities' @> '["externalObjects"]'::jsonb, false) limit 2`).map(({ id }) => id)

/** The same of some of its balancers alone, for who takes their connections. */
export async function readHostBackends(db: Database, hostId: string, cache: CompiledCache, uids: readonly string[]): Promise<Pick<ExternalState, 'balancers' | 'services' | 'weights'>> {
  const balancers = await readBalancers(db, hostId, cache, uids)
  return { balancers, ...(await readBackends(db, hostId, balancers)) }
}

function toPool({ uid, name, spec }: { uid: string; name: string; spec: unknown }): StatePool {
  const { subnet } = addressPoolSpec.parse(spec)
  return { uid, name, cidr: subnet.cidr, gateway: subnet.gateway }
}

type BalancerRow = Omit<StateBalancer, 'compiled' | 'network' | 'addresses' | 'mac'> & { generation: number; networkId: string; networkNumber: number; networkSpec: unknown; mac: string | null; addresses: string[]; pools: string[] }

async function readBalancers(db: Database, hostId: string, cache: CompiledCache, uids: readonly string[] | null): Promise<StateBalancer[]> {
  const rows = await db.$queryRaw<BalancerRow[]>`
    select b."uid", b."tenantId", b."namespace", b."name", b."number", b."generation", b."networkId", n."number" as "networkNumber", n."spec" as "networkSpec",
      array(select host(a."address") from "NetworkAddress" a where a."loadBalancerUid" = b."uid" order by a."address") as "inner",
      (select a."mac" from "NetworkAddress" a where a."loadBalancerUid" = b."uid" limit 1) as "mac",
      array(select host(f."address") from "FloatingAddress" f where f."loadBalancerUid" = b."uid" and f."hostId" = b."hostId" order by f."address") as "addresses",
      array(select f."poolId"::text from "FloatingAddress" f where f."loadBalancerUid" = b."uid" and f."hostId" = b."hostId" order by f."address") as "pools"
    from "LoadBalancer" b join "Network" n on n."uid" = b."networkId"
    where b."hostId" = ${hostId}::uuid and not b."leaving" and b."compiled" is not null and (${uids === null} or b."uid" = any(${uids ?? []}::uuid[])) order by b."uid"`
  const models = await readCompiled(db, rows, cache)
  return rows.flatMap(({ generation: _, networkId, networkNumber, networkSpec: spec, mac, addresses, pools, ...row }) => {
    const compiled = models.get(row.uid)
    if (!compiled || mac === null) return []
    const network = networkSpec.parse(spec)
    return [{ ...row, mac, compiled, addresses: addresses.map((address, i) => ({ address, poolId: pools[i] ?? '' })), network: { uid: networkId, number: networkNumber, mtu: network.mtu, outbound: network.outbound, subnets: subnetsOf(network).map(({ cidr, gateway }) => ({ cidr, gateway })) } }]
  })
}

/** The services that balancers of a host stand before, with those of their endpoints that it reaches, and the weights of the pods among these. */
async function readBackends(db: Database, hostId: string, balancers: readonly StateBalancer[]): Promise<Pick<ExternalState, 'services' | 'weights'>> {
  const named = new Map(balancers.flatMap(({ tenantId, namespace, compiled }) => compiled.services.map(({ service }) => [`${tenantId}/${namespace}/${service}`, { tenantId, namespace, service }] as const)))
  if (named.size === 0) return { services: new Map(), weights: new Map() }
  const names = [...named.values()]
  const rows = await db.$queryRaw<{ tenantId: string; namespace: string; name: string; spec: unknown; subsets: unknown }[]>`
    select s."tenantId", s."namespace", s."name", s."spec", e."subsets"
    from unnest(${names.map((one) => one.tenantId)}::char(32)[], ${names.map((one) => one.namespace)}::text[], ${names.map((one) => one.service)}::text[]) as o(tenant, namespace, name)
    join "Service" s on s."tenantId" = o.tenant and s."namespace" = o.namespace and s."name" = o.name
    left join "Endpoints" e on e."tenantId" = s."tenantId" and e."namespace" = s."namespace" and e."name" = s."name"`
  const read = rows.map(({ subsets, ...row }) => ({ ...row, subsets: subsets === null ? [] : storedSubsets(subsets) }))
  const pods = await readOwnPods(db, read)
  const services = new Map(read.map(({ tenantId, namespace, name, spec, subsets }): [string, StateBackendService] => {
    const { type, ports, selector } = serviceSpec.parse(spec)
    return [`${tenantId}/${namespace}/${name}`, { namespace, name, ports: type === 'ExternalName' ? [] : ports, hasSelector: Object.keys(selector).length > 0, subsets: withoutOtherHosts(withOwnPods(subsets, (uid) => pods.get(uid)?.tenantId === tenantId), (uid) => (pods.get(uid)?.hostId ?? hostId) !== hostId) }]
  }))
  return { services, weights: new Map([...pods].map(([uid, { weight }]) => [uid, weight === null ? null : parseWeight(weight)])) }
}

/** The pods that endpoints name, each if it is of the tenant of some service that names it. Endpoints that somebody wrote by hand may say anything. */
async function readOwnPods(db: Database, services: readonly { tenantId: string; subsets: EndpointSubset[] }[]): Promise<Map<string, { tenantId: string; hostId: string | null; weight: string | null }>> {
  const named = new Map(services.flatMap(({ tenantId, subsets }) => subsets.flatMap(({ addresses }) => addresses.flatMap((one) => {
    const uid = podOf(one)
    return uid === null ? [] : [[`${tenantId}/${uid}`, { tenantId, uid }] as const]
  }))))
  if (named.size === 0) return new Map()
  const pairs = [...named.values()]
  const rows = await db.$queryRaw<{ uid: string; tenantId: string; hostId: string | null; weight: string | null }[]>`
    select p."uid", p."tenantId", p."hostId", p."annotations" ->> ${weightAnnotation} as "weight" from unnest(${pairs.map(({ tenantId }) => tenantId)}::char(32)[], ${pairs.map(({ uid }) => uid)}::uuid[]) as o(tenant, uid)
    join "Pod" p on p."uid" = o.uid and p."tenantId" = o.tenant`
  return new Map(rows.map(({ uid, ...row }) => [uid, row]))
}

const podOf = ({ targetRef }: EndpointAddress): string | null => (targetRef?.kind === 'Pod' && podUid.safeParse(targetRef.uid).success ? (targetRef.uid ?? null) : null)

/** What names a pod that is not there, or is another tenant's, names none. */
const withOwnPods = (subsets: EndpointSubset[], isOwn: (uid: string) => boolean): EndpointSubset[] =>
  subsets.map((subset) => ({ ...subset, addresses: subset.addresses.map((one) => {
    const uid = podOf(one)
    const { targetRef: _, ...unnamed } = one
    return uid === null || isOwn(uid) ? one : unnamed
  }) }))

/** A network does not reach from one host to another yet: who is led to a pod there would wait for nothing. */
const withoutOtherHosts = (subsets: EndpointSubset[], isElsewhere: (uid: string) => boolean): EndpointSubset[] =>
  subsets.map((subset) => ({ ...subset, addresses: subset.addresses.filter((one) => {
    const uid = podOf(one)
    return uid === null || !isElsewhere(uid)
  }) }))

/**
 * Until the transaction ends, nobody else writes balancers or holders of addresses of these tenants: the controller and the gateway write many rows at once, each in an
 * order of its own, and would wait for each other.
 */
export async function holdExternal(tx: Transaction, tenantIds: Iterable<string>): Promise<void> {
  for (const id of [...new Set(tenantIds)].sort()) await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`external ${id}`}, 0))`
}

/** From now on the transaction waits for a row, or for `holdExternal`, at most so long, and fails then (`isLockTimeout`): a tenant's manifest may hold its own for seconds. */
export async function limitLockWait(tx: Transaction, lockMs: number): Promise<void> {
  await tx.$queryRaw`select set_config('lock_timeout', ${`${lockMs}ms`}, true)`
}

/**
 * As `holdExternal` where nobody else does now; if not, false. From then on the transaction waits for a row at most so long as well, and fails then (`isLockTimeout`). For who must not
 * be held up by a tenant.
 */
export async function tryHoldExternal(tx: Transaction, tenantId: string, lockMs: number): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ held: boolean }[]>`select set_config('lock_timeout', ${`${lockMs}ms`}, true), pg_try_advisory_xact_lock(hashtextextended(${`external ${tenantId}`}, 0)) as "held"`
  return row?.held ?? false
}

/** Whose those of the balancers and addresses are that are on the host, by their rows. */
export const listOwnersOnHost = (db: Database, hostId: string, uids: readonly string[]): Promise<{ uid: string; tenantId: string }[]> => db.$queryRaw`
  select "uid", "tenantId" from "LoadBalancer" where "uid" = any(${[...uids]}::uuid[]) and "hostId" = ${hostId}::uuid
  union all select "uid", "tenantId" from "FloatingAddress" where "uid" = any(${[...uids]}::uuid[]) and "hostId" = ${hostId}::uuid`

/**
 * A host answers for these, one tenant's, no more: another may. Each only while its row says still that nobody shall have it here. Held by the host's connection
 * (`holdConnection`) when it ends, for a newer one may have told the host anew.
 */
export async function releaseFromHost(tx: Transaction, hostId: string, { addresses, balancers }: { addresses: readonly string[]; balancers: readonly string[] }): Promise<number> {
  const gone = balancers.length === 0 ? 0 : await tx.$executeRaw`update "LoadBalancer" set "hostId" = null, "boundAt" = null, "leaving" = false, "report" = null where "uid" = any(${[...balancers]}::uuid[]) and "hostId" = ${hostId}::uuid and "leaving"`
  const free = addresses.length === 0 ? [] : await tx.$queryRaw<{ uid: string }[]>`
    update "FloatingAddress" f set "hostId" = null, "reported" = '' where f."uid" = any(${[...addresses]}::uuid[]) and f."hostId" = ${hostId}::uuid and f."podUid" is null
      and not exists (select from "LoadBalancer" b where b."uid" = f."loadBalancerUid" and b."hostId" = f."hostId" and not b."leaving") returning f."uid"`
  if (free.length > 0) await tx.objectCondition.deleteMany({ where: { objectUid: { in: free.map(({ uid }) => uid) }, type: 'Active' } })
  return gone + free.length
}

/** What asked for balancers, with the generation that it has. */
export const listBalancerSources = (db: Database, uids: readonly string[]): Promise<{ uid: string; source: 'Service' | 'Ingress'; sourceUid: string; generation: number }[]> => db.$queryRaw`
  select b."uid", b."source", b."sourceUid", coalesce(s."generation", i."generation", 1) as "generation" from "LoadBalancer" b
  left join "Service" s on s."uid" = b."sourceUid" left join "Ingress" i on i."uid" = b."sourceUid" where b."uid" = any(${[...uids]}::uuid[])`

/** The Secrets of certificates as they are now: of another revision, a host is given it anew. */
export const listCertificateRevisions = (db: Database, ids: readonly string[]): Promise<{ uid: string; tenantId: string; name: string; revision: string }[]> => db.$queryRaw`
  select "uid", "tenantId", "name", "revision"::text as "revision" from "Secret" where "uid" = any(${[...ids]}::uuid[]) order by "uid"`

type ObjectName = { tenantId: string; namespace: string; name: string }
export type ExternalChanges = { endpoints: ObjectName[]; secrets: ObjectName[]; networks: string[]; pods: string[] }

/** The hosts with balancers that changes concern, each with the balancer; `whole`: more of it than who takes its connections. Of pods, those that a service of the balancer chooses. */
export async function listBalancerHosts(db: Database, { endpoints, secrets, networks, pods }: ExternalChanges): Promise<{ hostId: string; uid: string; whole: boolean }[]> {
  const column = (list: readonly ObjectName[], of: (one: ObjectName) => string) => list.map(of)
  return db.$queryRaw<{ hostId: string; uid: string; whole: boolean }[]>`
    select b."hostId", b."uid", false as "whole" from unnest(${column(endpoints, (o) => o.tenantId)}::char(32)[], ${column(endpoints, (o) => o.namespace)}::text[], ${column(endpoints, (o) => o.name)}::text[]) as o(tenant, namespace, name)
      join "LoadBalancer" b on b."tenantId" = o.tenant and b."namespace" = o.namespace and b."hostId" is not null and b."compiled" -> 'services' @> jsonb_build_array(jsonb_build_object('service', o.name))
    union select b."hostId", b."uid", true from unnest(${column(secrets, (o) => o.tenantId)}::char(32)[], ${column(secrets, (o) => o.namespace)}::text[], ${column(secrets, (o) => o.name)}::text[]) as o(tenant, namespace, name)
      join "LoadBalancer" b on b."tenantId" = o.tenant and b."namespace" = o.namespace and b."hostId" is not null and b."compiled" -> 'certificates' @> jsonb_build_array(jsonb_build_object('secret', o.name))
    union select b."hostId", b."uid", true from "LoadBalancer" b where b."networkId" = any(${networks}::uuid[]) and b."hostId" is not null
    union select b."hostId", b."uid", false from "Pod" p join "Service" s on s."tenantId" = p."tenantId" and s."namespace" = p."namespace" and p."labels" @> coalesce(s."spec" -> 'selector', '{}')
      join "LoadBalancer" b on b."tenantId" = s."tenantId" and b."namespace" = s."namespace" and b."hostId" is not null and b."compiled" -> 'services' @> jsonb_build_array(jsonb_build_object('service', s."name"))
      where p."uid" = any(${pods}::uuid[])`
}
