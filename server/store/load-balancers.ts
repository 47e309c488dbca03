import { balancerAnnotationsOf } from '@/domain/load-balancer/annotations'
import { compiledBalancer, type CompiledBalancer } from '@/domain/load-balancer/compiled'
import type { BalancerSource } from '@/domain/load-balancer/view'
import { floatingTarget, type FloatingTarget } from '@/domain/floating-address/spec'
import { ingressSpec, type IngressSpec } from '@/domain/ingress/spec'
import { serviceSpec, type ServiceSpec } from '@/domain/service/spec'
import { annotations, type Labels } from '@/domain/shared/names'
import { Prisma } from '@/generated/prisma/client'
import { z } from 'zod'
import { allocateBalancerAddresses } from './addresses'
import type { Database, Transaction } from './database'
import { recordOwnAudit } from './records'

/** What the external controller reads and writes; nobody else writes balancers, or who has an address, but for the gateway that says that a host has let go. */
export type OutsideService = { kind: 'Service'; uid: string; namespace: string; name: string; generation: number; networkId: string; annotations: Labels; spec: ServiceSpec; text: string }
export type OutsideIngress = { kind: 'Ingress'; uid: string; namespace: string; name: string; generation: number; networkId: string; annotations: Labels; spec: IngressSpec; text: string }

const wanting = Prisma.sql`s."spec" ->> 'type' <> 'ExternalName' and (s."spec" ->> 'type' in ('LoadBalancer', 'NetworkProvider') or jsonb_array_length(coalesce(s."spec" -> 'externalIPs', '[]')) > 0)`

type SourceRow = { uid: string; namespace: string; name: string; generation: number; networkId: string; annotations: unknown; spec: unknown; text: string }
const columns = Prisma.sql`s."uid", s."namespace", s."name", s."generation", s."networkId", s."annotations", s."spec", s."annotations"::text || ' ' || s."spec"::text as "text"`

/** The services of a tenant that ask for an address outside of their network, and its ingresses, the oldest first. */
export async function listOutsideSources(db: Database, tenantId: string): Promise<(OutsideService | OutsideIngress)[]> {
  const services = await db.$queryRaw<SourceRow[]>`select ${columns} from "Service" s where s."tenantId" = ${tenantId} and ${wanting} order by s."createdAt", s."uid"`
  const ingresses = await db.$queryRaw<SourceRow[]>`select ${columns} from "Ingress" s where s."tenantId" = ${tenantId} order by s."createdAt", s."uid"`
  return [
    ...services.map((row): OutsideService => ({ kind: 'Service', ...row, annotations: annotations.parse(row.annotations), spec: serviceSpec.parse(row.spec) })),
    ...ingresses.map((row): OutsideIngress => ({ kind: 'Ingress', ...row, annotations: annotations.parse(row.annotations), spec: ingressSpec.parse(row.spec) })),
  ]
}

/** Services by namespace and name, for the ingresses that name them. */
export async function listNamedServices(db: Database, tenantId: string, names: readonly { namespace: string; name: string }[]): Promise<Map<string, { spec: ServiceSpec; text: string }>> {
  if (names.length === 0) return new Map()
  const rows = await db.$queryRaw<{ namespace: string; name: string; spec: unknown; text: string }[]>`
    select s."namespace", s."name", s."spec", s."spec"::text as "text" from unnest(${names.map((one) => one.namespace)}::text[], ${names.map((one) => one.name)}::text[]) as o(namespace, name)
    join "Service" s on s."tenantId" = ${tenantId} and s."namespace" = o.namespace and s."name" = o.name`
  return new Map(rows.map(({ namespace, name, spec, text }) => [`${namespace}/${name}`, { spec: serviceSpec.parse(spec), text }]))
}

export type AddressFacts = { uid: string; name: string; address: string; family: 4 | 6; generation: number; target: FloatingTarget | null; managed: boolean; deleted: boolean; podUid: string | null; balancerUid: string | null; hostId: string | null }

/** The addresses of a tenant, the oldest first. */
export async function listHeldAddresses(db: Database, tenantId: string): Promise<AddressFacts[]> {
  const rows = await db.$queryRaw<(Omit<AddressFacts, 'target'> & { target: unknown })[]>`
    select "uid", "name", host("address") as "address", family("address") as "family", "generation", "spec" -> 'target' as "target", "managed", "deletedAt" is not null as "deleted", "podUid", "loadBalancerUid" as "balancerUid", "hostId"
    from "FloatingAddress" where "tenantId" = ${tenantId} order by "createdAt", "uid"`
  return rows.map((row) => ({ ...row, target: row.target === null ? null : floatingTarget.parse(row.target) }))
}

export const hostReport = z.object({ phase: z.string(), reason: z.string().default(''), message: z.string().default(''), down: z.array(z.string()).default([]) })
export type BalancerReport = z.infer<typeof hostReport>
export type BalancerFacts = { uid: string; kind: BalancerSource; sourceUid: string; namespace: string; name: string; generation: number; networkId: string; compiled: CompiledBalancer | null; inner: string[]; hostId: string | null; leaving: boolean; report: BalancerReport | null }

/** A balancer's model is read once a generation: it changes with that alone. */
export type CompiledCache = Map<string, { generation: number; compiled: CompiledBalancer | null }>

export async function listBalancers(db: Database, tenantId: string, cache: CompiledCache): Promise<BalancerFacts[]> {
  const rows = await db.$queryRaw<(Omit<BalancerFacts, 'kind' | 'compiled' | 'report'> & { kind: BalancerSource; report: unknown })[]>`
    select b."uid", b."source" as "kind", b."sourceUid", b."namespace", b."name", b."generation", b."networkId", array(select host(a."address") from "NetworkAddress" a where a."loadBalancerUid" = b."uid" order by a."address") as "inner", b."hostId", b."leaving", b."report"
    from "LoadBalancer" b where b."tenantId" = ${tenantId} order by b."createdAt", b."uid"`
  const models = await readCompiled(db, rows, cache)
  return rows.map(({ report, ...row }) => ({ ...row, report: hostReport.safeParse(report).data ?? null, compiled: models.get(row.uid) ?? null }))
}

/** What the balancers do, by uid; of a generation that was read before nothing is read. */
export async function readCompiled(db: Database, rows: readonly { uid: string; generation: number }[], cache: CompiledCache): Promise<Map<string, CompiledBalancer | null>> {
  const unknown = rows.filter(({ uid, generation }) => cache.get(uid)?.generation !== generation).map(({ uid }) => uid)
  const found = unknown.length === 0 ? [] : await db.loadBalancer.findMany({ where: { uid: { in: unknown } }, select: { uid: true, generation: true, compiled: true } })
  for (const { uid, generation, compiled } of found) cache.set(uid, { generation, compiled: compiled === null ? null : compiledBalancer.parse(compiled) })
  return new Map(rows.map(({ uid }) => [uid, cache.get(uid)?.compiled ?? null]))
}

export type PodFacts = { uid: string; namespace: string; name: string; hostId: string | null; addresses: string[] }

/** The pods that addresses of the tenant lead to or shall lead to. */
export const listTargetedPods = (db: Database, tenantId: string): Promise<PodFacts[]> => db.$queryRaw<PodFacts[]>`
  select distinct p."uid", p."namespace", p."name", p."hostId", array(select host(a."address") from "NetworkAddress" a where a."podUid" = p."uid" order by a."address") as "addresses"
  from "FloatingAddress" f join "Pod" p on p."tenantId" = f."tenantId" and ((f."spec" #>> '{target,kind}' = 'Pod' and p."namespace" = f."spec" #>> '{target,namespace}' and p."name" = f."spec" #>> '{target,name}') or p."uid" = f."podUid")
  where f."tenantId" = ${tenantId}`

/**
 * Hosts as the external controller weighs them. `toldLease`: it was heard of well after another host that could take over was there, so that it knows that
 * it may not answer forever; 10 s are two heartbeats.
 */
export type HostFacts = { id: string; name: string; phase: string; capable: boolean; cordoned: boolean; toldLease: boolean; balancers: number; networks: string[] }
const capable = Prisma.sql`coalesce(h."hello" -> 'capabilities' @> '["externalObjects"]'::jsonb, false)`

export const listExternalHosts = (db: Database, tenantId: string): Promise<HostFacts[]> => db.$queryRaw<HostFacts[]>`
  select h."id", h."name", h."phase", ${capable} as "capable", h."unschedulable" as "cordoned",
    exists (select from "Host" o where o."id" <> h."id" and coalesce(o."hello" -> 'capabilities' @> '["externalObjects"]'::jsonb, false) and o."createdAt" + interval '10 seconds' < h."lastHeartbeat") as "toldLease",
    (select count(*)::int from "LoadBalancer" b where b."hostId" = h."id") as "balancers",
    array(select distinct p."networkId"::text from "Pod" p where p."hostId" = h."id" and p."tenantId" = ${tenantId}) as "networks"
  from "Host" h order by h."id"`

/** The hosts that are not Ready, and have something that another host may have to take. */
export const listSilentHosts = (db: Database): Promise<Pick<HostFacts, 'id' | 'phase' | 'toldLease'>[]> => db.$queryRaw`
  select h."id", h."phase", exists (select from "Host" o where o."id" <> h."id" and coalesce(o."hello" -> 'capabilities' @> '["externalObjects"]'::jsonb, false) and o."createdAt" + interval '10 seconds' < h."lastHeartbeat") as "toldLease"
  from "Host" h where h."phase" <> 'Ready' order by h."id"`

/** The tenants that have or want something on the outside: all, or those with something on a host or that wait for one, or the one with an address for a pod. */
export const listExternalTenants = async (db: Database): Promise<string[]> =>
  (await db.$queryRaw<{ id: string }[]>`
    select "tenantId" as "id" from "FloatingAddress" union select "tenantId" from "LoadBalancer" union select "tenantId" from "Ingress" union select s."tenantId" from "Service" s where ${wanting}`).map(({ id }) => id)
export const hasExternal = async (db: Database, tenantId: string): Promise<boolean> => (await db.loadBalancer.findFirst({ where: { tenantId }, select: { uid: true } })) !== null || (await db.floatingAddress.findFirst({ where: { tenantId }, select: { uid: true } })) !== null
export const listTenantsOnHost = async (db: Database, hostId: string): Promise<string[]> =>
  (await db.$queryRaw<{ id: string }[]>`select "tenantId" as "id" from "FloatingAddress" where "hostId" = ${hostId}::uuid union select "tenantId" from "LoadBalancer" where "hostId" = ${hostId}::uuid or "hostId" is null`).map(({ id }) => id)
export const findTenantOfTarget = async (db: Database, podUid: string): Promise<string | null> =>
  (await db.$queryRaw<{ id: string }[]>`
    select f."tenantId" as "id" from "Pod" p join "FloatingAddress" f on f."tenantId" = p."tenantId" and f."spec" #>> '{target,kind}' = 'Pod' and f."spec" #>> '{target,namespace}' = p."namespace" and f."spec" #>> '{target,name}' = p."name"
    where p."uid" = ${podUid}::uuid limit 1`)[0]?.id ?? null

/** A service that asked for nothing outside and has no balancer is no matter of the external controller, unless an ingress names it. */
export const isServiceOutside = async (db: Database, uid: string): Promise<boolean> =>
  (await db.$queryRaw<unknown[]>`
    select 1 from "Service" s where s."uid" = ${uid}::uuid and (${wanting} or exists (select from "LoadBalancer" b where b."sourceUid" = s."uid") or exists (select from "FloatingAddress" f where f."tenantId" = s."tenantId" and f."spec" #>> '{target,kind}' = 'Service')
      or exists (select from "Ingress" i where i."tenantId" = s."tenantId" and i."namespace" = s."namespace"))`).length > 0

/** Makes the row of a balancer, with its addresses in the network where there are free ones. Returns how many rows: none where one of the same name has not gone yet. */
export async function createBalancer(tx: Transaction, tenantId: string, { kind, uid, namespace, name, networkId, compiled }: { kind: BalancerSource; uid: string; namespace: string; name: string; networkId: string; compiled: CompiledBalancer | null }): Promise<number> {
  const made = await tx.$queryRaw<{ uid: string }[]>`
    insert into "LoadBalancer" ("uid", "tenantId", "namespace", "name", "source", "sourceUid", "networkId", "compiled") values (gen_random_uuid(), ${tenantId}, ${namespace}, ${name}, ${kind}, ${uid}::uuid, ${networkId}::uuid, ${compiled === null ? null : JSON.stringify(compiled)}::jsonb)
    on conflict do nothing returning "uid"`
  if (made[0]) await allocateBalancerAddresses(tx, networkId, made[0].uid)
  return made.length
}

/** What a balancer does now. */
export const putCompiled = (tx: Transaction, uid: string, compiled: CompiledBalancer | null) =>
  tx.$executeRaw`update "LoadBalancer" set "compiled" = ${compiled === null ? null : JSON.stringify(compiled)}::jsonb, "generation" = "generation" + 1 where "uid" = ${uid}::uuid`

/** Of a host that may answer no more, where it is lost: it is asked here once more whether it is silent still. */
const leavesHost = (from: string | null, to: string | null) => (from === null || from === to ? Prisma.empty : Prisma.sql`and not exists (select from "Host" h where h."id" = ${from}::uuid and h."phase" = 'Ready')`)

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

/** The annotations that say where a balancer has its address. */
export const namedAddress = (text: Labels): string | null => balancerAnnotationsOf(text)['floating-address'] ?? null
