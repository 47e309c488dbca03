import type { CompiledBalancer } from '@/domain/load-balancer/compiled'
import type { BalancerSource } from '@/domain/load-balancer/view'
import { floatingTarget, type FloatingTarget } from '@/domain/floating-address/spec'
import { Prisma } from '@/generated/prisma/client'
import { allocateBalancerAddresses } from './addresses'
import { compiledDigest } from './balancer-models'
import type { OutsideSource } from './balancer-sources'
import type { Database, Transaction } from './database'
import { recordOwnAudit } from './records'

/** What the external controller reads and writes; nobody else writes balancers, or who has an address, but for the gateway that says that a host has let go. */
export type AddressFacts = { uid: string; name: string; address: string; family: 4 | 6; generation: number; target: FloatingTarget | null; managed: boolean; deleted: boolean; podUid: string | null; balancerUid: string | null; hostId: string | null }

/** The addresses of a tenant, the oldest first. */
export async function listHeldAddresses(db: Database, tenantId: string): Promise<AddressFacts[]> {
  const rows = await db.$queryRaw<(Omit<AddressFacts, 'target'> & { target: unknown })[]>`
    select "uid", "name", host("address") as "address", family("address") as "family", "generation", "spec" -> 'target' as "target", "managed", "deletedAt" is not null as "deleted", "podUid", "loadBalancerUid" as "balancerUid", "hostId"
    from "FloatingAddress" where "tenantId" = ${tenantId} order by "createdAt", "uid"`
  return rows.map((row) => ({ ...row, target: row.target === null ? null : floatingTarget.parse(row.target) }))
}

/** What its host said last of a balancer, without its servers. */
export type BalancerReport = { phase: string; reason: string; message: string }
/** `compiledDigest`: of what is stored that it does, as `compiledDigest` makes it. `reach`: the hosts of ready endpoints of its services, as these name them; '': of one that names none. */
export type BalancerFacts = { uid: string; kind: BalancerSource; sourceUid: string; namespace: string; name: string; generation: number; networkId: string; compiledDigest: string | null; inner: string[]; hostId: string | null; leaving: boolean; report: BalancerReport | null; reach: string[] }

/** Endpoints that somebody wrote by hand may name any host, or none ('' here): that is said of their tenant's balancer alone. */
const reach = Prisma.sql`array(select distinct coalesce(a ->> 'nodeName', '') from jsonb_array_elements(b."compiled" -> 'services') s join "Endpoints" e on e."tenantId" = b."tenantId" and e."namespace" = b."namespace" and e."name" = s ->> 'service', jsonb_path_query(e."subsets", '$[*].addresses[*]') a)`

/** The balancers of a tenant, the oldest first. */
export async function listBalancers(db: Database, tenantId: string): Promise<BalancerFacts[]> {
  const rows = await db.$queryRaw<(Omit<BalancerFacts, 'report'> & { phase: string | null; reason: string | null; message: string | null })[]>`
    select b."uid", b."source" as "kind", b."sourceUid", b."namespace", b."name", b."generation", b."networkId", b."compiledDigest", array(select host(a."address") from "NetworkAddress" a where a."loadBalancerUid" = b."uid" order by a."address") as "inner", b."hostId", b."leaving",
      ${reach} as "reach", b."report" ->> 'phase' as "phase", b."report" ->> 'reason' as "reason", b."report" ->> 'message' as "message"
    from "LoadBalancer" b where b."tenantId" = ${tenantId} order by b."createdAt", b."uid"`
  return rows.map(({ phase, reason, message, ...row }) => ({ ...row, report: phase === null ? null : { phase, reason: reason ?? '', message: message ?? '' } }))
}

export type PodFacts = { uid: string; namespace: string; name: string; hostId: string | null; addresses: string[] }

/** Whether an address `f` shall lead to a pod `p` of its tenant. */
const isTarget = Prisma.sql`f."spec" #>> '{target,kind}' = 'Pod' and p."namespace" = f."spec" #>> '{target,namespace}' and p."name" = f."spec" #>> '{target,name}'`

/** The pods that addresses of the tenant lead to or shall lead to. */
export const listTargetedPods = (db: Database, tenantId: string): Promise<PodFacts[]> => db.$queryRaw<PodFacts[]>`
  select distinct p."uid", p."namespace", p."name", p."hostId", array(select host(a."address") from "NetworkAddress" a where a."podUid" = p."uid" order by a."address") as "addresses"
  from "FloatingAddress" f join "Pod" p on p."tenantId" = f."tenantId" and ((${isTarget}) or p."uid" = f."podUid")
  where f."tenantId" = ${tenantId}`

/**
 * Hosts as the external controller weighs them. `toldLease`: it said itself that it may answer for nothing for ever. `heard`: when it was heard of last, in milliseconds of the database's clock; null: never.
 */
export type HostFacts = { id: string; name: string; phase: string; capable: boolean; cordoned: boolean; toldLease: boolean; heard: number | null; balancers: number; networks: string[] }
const heard = Prisma.sql`(extract(epoch from h."lastHeartbeat") * 1000)::float8`
const capable = Prisma.sql`coalesce(h."hello" -> 'capabilities' @> '["externalObjects"]'::jsonb, false)`

export const listExternalHosts = (db: Database, tenantId: string): Promise<HostFacts[]> => db.$queryRaw<HostFacts[]>`
  select h."id", h."name", h."phase", ${capable} as "capable", h."unschedulable" as "cordoned",
    h."leaseToldAt" is not null as "toldLease", ${heard} as "heard",
    (select count(*)::int from "LoadBalancer" b where b."hostId" = h."id") as "balancers",
    array(select distinct p."networkId"::text from "Pod" p where p."hostId" = h."id" and p."tenantId" = ${tenantId}) as "networks"
  from "Host" h order by h."id"`

/** The hosts that are not Ready, and have something that another host may have to take. */
export const listSilentHosts = (db: Database): Promise<Pick<HostFacts, 'id' | 'phase' | 'toldLease' | 'heard'>[]> => db.$queryRaw`
  select h."id", h."phase", h."leaseToldAt" is not null as "toldLease", ${heard} as "heard"
  from "Host" h where h."phase" <> 'Ready' order by h."id"`

/** The tenants that have or want something on the outside: all, or those with something on a host. */
export const listExternalTenants = async (db: Database): Promise<string[]> =>
  (await db.$queryRaw<{ id: string }[]>`
    select "tenantId" as "id" from "FloatingAddress" union select "tenantId" from "LoadBalancer" union select "tenantId" from "Ingress" union select s."tenantId" from "Service" s where s."wantsOutside" and not s."heldBack"`).map(({ id }) => id)
export const listTenantsOnHost = async (db: Database, hostId: string): Promise<string[]> =>
  (await db.$queryRaw<{ id: string }[]>`select "tenantId" as "id" from "FloatingAddress" where "hostId" = ${hostId}::uuid union select "tenantId" from "LoadBalancer" where "hostId" = ${hostId}::uuid`).map(({ id }) => id)

/** The tenants that have something for which a host is looked for that is Ready, where this one is: a balancer with an address, one that runs elsewhere than pods of its network here, or a pod's. */
export const listTenantsWaitingForHost = async (db: Database, hostId: string): Promise<string[]> =>
  (await db.$queryRaw<{ id: string }[]>`
    select distinct f."tenantId" as "id" from "FloatingAddress" f join "LoadBalancer" b on b."uid" = f."loadBalancerUid" and b."hostId" is null
    where exists (select from "Host" h where h."id" = ${hostId}::uuid and h."phase" = 'Ready')
    union select b."tenantId" from "LoadBalancer" b where b."hostId" <> ${hostId}::uuid and exists (select from "Pod" p where p."networkId" = b."networkId" and p."hostId" = ${hostId}::uuid) and exists (select from "Host" h where h."id" = ${hostId}::uuid and h."phase" = 'Ready')
    union select f."tenantId" from "Pod" p join "FloatingAddress" f on f."tenantId" = p."tenantId" and f."hostId" is null and ${isTarget} where p."hostId" = ${hostId}::uuid`).map(({ id }) => id)

/** The tenant of Endpoints that a balancer leads to and of which none that is ready is on its host, while some are on others. */
export const listTenantsApart = async (db: Database, endpointsUid: string): Promise<string[]> =>
  (await db.$queryRaw<{ id: string }[]>`
    select distinct b."tenantId" as "id" from "Endpoints" o join "LoadBalancer" b on b."tenantId" = o."tenantId" and b."namespace" = o."namespace" and b."compiled" -> 'services' @> jsonb_build_array(jsonb_build_object('service', o."name")), lateral (select ${reach} as hosts) r
    where o."uid" = ${endpointsUid}::uuid and b."hostId" is not null and not b."leaving" and cardinality(r.hosts) > 0 and '' <> all(r.hosts) and b."hostId"::text <> all(r.hosts)`).map(({ id }) => id)

/** Whether a tenant has or wants something on the outside. */
export const hasExternal = async (db: Database, tenantId: string): Promise<boolean> =>
  (await db.$queryRaw<{ any: boolean }[]>`
    select exists (select from "FloatingAddress" where "tenantId" = ${tenantId}) or exists (select from "LoadBalancer" where "tenantId" = ${tenantId})
      or exists (select from "Service" where "tenantId" = ${tenantId} and "wantsOutside" and not "heldBack") or exists (select from "Ingress" where "tenantId" = ${tenantId}) as "any"`)[0]?.any ?? false

/** Whether what became of a tenant's pods is a matter of the outside: an address leads elsewhere than where its pod is now, a balancer has pods of its network on other hosts or says so, or no address there while one may be free. */
export const arePodsOutside = async (db: Database, tenantId: string): Promise<boolean> =>
  (await db.$queryRaw<{ any: boolean }[]>`
    select exists (select from "FloatingAddress" f join "Pod" p on p."tenantId" = f."tenantId" and ${isTarget} where f."tenantId" = ${tenantId} and (f."podUid" is distinct from p."uid" or f."hostId" is distinct from p."hostId"))
      or exists (select from "LoadBalancer" b join "ObjectCondition" c on c."objectUid" = b."uid" and c."type" = 'LoadBalancer' and c."reason" = 'Partly' where b."tenantId" = ${tenantId})
      or exists (select from (select distinct "networkId", "hostId" from "LoadBalancer" where "tenantId" = ${tenantId} and "hostId" is not null) b join "Pod" p on p."networkId" = b."networkId" and p."hostId" <> b."hostId")
      or exists (select from "LoadBalancer" b where b."tenantId" = ${tenantId} and not exists (select from "NetworkAddress" a where a."loadBalancerUid" = b."uid")) as "any"`)[0]?.any ?? false

/** Makes the row of a balancer, with its addresses in the network where there are free ones. Returns how many rows: none where one of the same name has not gone yet. */
export async function createBalancer(tx: Transaction, tenantId: string, { kind, uid, namespace, name, networkId, compiled }: Pick<OutsideSource, 'kind' | 'uid' | 'namespace' | 'name' | 'networkId'> & { compiled: CompiledBalancer | null }): Promise<number> {
  const made = await tx.$queryRaw<{ uid: string }[]>`
    insert into "LoadBalancer" ("uid", "tenantId", "namespace", "name", "source", "sourceUid", "networkId", "compiled", "compiledDigest")
    values (gen_random_uuid(), ${tenantId}, ${namespace}, ${name}, ${kind}, ${uid}::uuid, ${networkId}::uuid, ${compiled === null ? null : JSON.stringify(compiled)}::jsonb, ${compiled === null ? null : compiledDigest(compiled)})
    on conflict do nothing returning "uid"`
  if (made[0]) await allocateBalancerAddresses(tx, networkId, made[0].uid)
  return made.length
}

/** What a balancer does now. */
export const putCompiled = (tx: Transaction, uid: string, compiled: CompiledBalancer | null) =>
  tx.$executeRaw`
    update "LoadBalancer" set "compiled" = ${compiled === null ? null : JSON.stringify(compiled)}::jsonb, "compiledDigest" = ${compiled === null ? null : compiledDigest(compiled)}, "generation" = "generation" + 1 where "uid" = ${uid}::uuid`

/** Of a host that may answer no more, where it is lost: it is asked here once more whether it is silent still, and knows that it may not answer. */
const leavesHost = (from: string | null, to: string | null) => (from === null || from === to ? Prisma.empty : Prisma.sql`and not exists (select from "Host" h where h."id" = ${from}::uuid and (h."phase" = 'Ready' or h."leaseToldAt" is null))`)

export const bindBalancer = (tx: Transaction, uid: string, from: string | null, to: string | null) =>
  tx.$executeRaw`update "LoadBalancer" set "hostId" = ${to}::uuid, "boundAt" = case when ${to}::uuid is null then null else now() end, "leaving" = false, "report" = null where "uid" = ${uid}::uuid and "hostId" is not distinct from ${from}::uuid ${leavesHost(from, to)}`

export const setLeaving = (tx: Transaction, uid: string, hostId: string, leaving: boolean) => tx.$executeRaw`update "LoadBalancer" set "leaving" = ${leaving} where "uid" = ${uid}::uuid and "hostId" = ${hostId}::uuid and "leaving" <> ${leaving}`

export type Holding = { podUid: string | null; balancerUid: string | null; hostId: string | null }
/** Gives an address another holder or host, if it has what it had. */
export const putHolding = (tx: Transaction, uid: string, from: Holding, to: Holding) =>
  tx.$executeRaw`
    update "FloatingAddress" set "podUid" = ${to.podUid}::uuid, "loadBalancerUid" = ${to.balancerUid}::uuid, "hostId" = ${to.hostId}::uuid, "reported" = ''
    where "uid" = ${uid}::uuid and "podUid" is not distinct from ${from.podUid}::uuid and "loadBalancerUid" is not distinct from ${from.balancerUid}::uuid and "hostId" is not distinct from ${from.hostId}::uuid ${leavesHost(from.hostId, to.hostId)}`

/** Removes a balancer that has no host. */
export const removeBalancer = (tx: Transaction, uid: string): Promise<number> => tx.$executeRaw`delete from "LoadBalancer" where "uid" = ${uid}::uuid and "hostId" is null`

/** Removes an address that no host answers for: from now on another tenant may have it. */
export async function removeFreeAddress(tx: Transaction, uid: string): Promise<number> {
  const [gone] = await tx.$queryRaw<{ tenantId: string; name: string; address: string }[]>`
    delete from "FloatingAddress" where "uid" = ${uid}::uuid and "hostId" is null and ("deletedAt" is not null or "managed") returning "tenantId", "name", host("address") as "address"`
  if (!gone) return 0
  await recordOwnAudit(tx, { tenantId: gone.tenantId, action: 'floatingAddress.release', kind: 'FloatingAddress', name: gone.name, detail: gone.address })
  return 1
}
