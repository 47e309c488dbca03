import type { HostCapability } from '@/contracts/host/v1'
import type { BalancerSource } from '@/domain/load-balancer/view'
import { weightAnnotation } from '@/domain/load-balancer/annotations'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { inOrder } from './object-pages'

/** Balancers as pages read them. Who writes them is the external controller: server/store/load-balancers.ts. */
const parts = {
  network: { select: { name: true } }, host: { select: { name: true, phase: true } },
  addresses: { where: { deletedAt: null }, select: { address: true, managed: true }, orderBy: { address: 'asc' } },
} as const
export type LoadBalancerRow = NonNullable<Awaited<ReturnType<typeof findLoadBalancer>>>

export const findLoadBalancer = (db: Database, scope: Scope, source: BalancerSource, namespace: string, name: string) => db.loadBalancer.findUnique({ where: { tenantId_namespace_source_name: { tenantId: scope.tenantId, namespace, source, name } }, include: parts })

/** Whether the agent of a host said that it understands something. */
export const hostCan = async (db: Database, hostId: string, capability: HostCapability): Promise<boolean> =>
  (await db.$queryRaw<unknown[]>`select 1 from "Host" where "id" = ${hostId}::uuid and "hello" -> 'capabilities' @> to_jsonb(array[${capability}])`).length > 0

/** Labels and annotations of who asked for a balancer: those are the balancer's. */
export async function sourceMetadata(db: Database, scope: Scope, sourceUid: string): Promise<{ labels: unknown; annotations: unknown } | null> {
  const query = { where: { tenantId: scope.tenantId, uid: sourceUid }, select: { labels: true, annotations: true } } as const
  return (await db.service.findUnique(query)) ?? (await db.ingress.findUnique(query))
}

export type ListedBalancer = Awaited<ReturnType<typeof loadListedBalancers>>[number]
type Counts = { uid: string; isCompiled: boolean; said: string | null; labels: unknown; backendsReady: number; backendsTotal: number }

/**
 * The balancers with these uids as lists have them, in their order; what is another tenant's is left out. What they do, who is behind them and what their hosts
 * said of each may be large, and is counted where it lies: as domain/load-balancer/servers.ts does for one.
 */
export async function loadListedBalancers(db: Database, scope: Scope, uids: string[]) {
  const rows = await db.loadBalancer.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts, omit: { compiled: true, report: true, annotations: true } })
  const counts = new Map((await countBackends(db, scope, uids)).map((one) => [one.uid, one]))
  return inOrder(uids, rows).flatMap((row) => { const of = counts.get(row.uid); return of ? [{ ...row, ...of }] : [] })
}

const countBackends = (db: Database, scope: Scope, uids: string[]): Promise<Counts[]> => db.$queryRaw<Counts[]>`
  select b."uid", b."compiled" is not null as "isCompiled", b."report" ->> 'phase' as "said", coalesce(source."labels", '{}') as "labels", behind."ready"::int as "backendsReady", behind."total"::int as "backendsTotal"
  from "LoadBalancer" b
  left join lateral (select "labels" from "Service" where "uid" = b."sourceUid" union all select "labels" from "Ingress" where "uid" = b."sourceUid") source on true
  cross join lateral (
    select count(distinct at.ip) as "total", count(distinct at.ip) filter (
      where at."ready" and not coalesce(b."report" ->> 'phase' in ('Active', 'Degraded') and (b."report" -> 'down') ?| array[concat(c."backend", '/', at.ip, ':', own.value ->> 'port'), concat(c."backend", '/[', at.ip, ']:', own.value ->> 'port')], false)
    ) as "ready"
    from jsonb_to_recordset(b."compiled" -> 'services') as c("backend" text, "service" text, "port" jsonb)
    join "Service" s on s."tenantId" = b."tenantId" and s."namespace" = b."namespace" and s."name" = c."service"
    join "Endpoints" e on e."serviceUid" = s."uid"
    cross join lateral (
      select p.value from jsonb_array_elements(s."spec" -> 'ports') with ordinality p where p.value -> 'name' = c."port" or p.value -> 'port' = c."port"
      order by coalesce(p.value -> 'name' = c."port", false) desc, p.ordinality limit 1
    ) asked
    cross join lateral jsonb_array_elements(e."subsets") subset
    join lateral jsonb_array_elements(subset.value -> 'ports') own on own.value ->> 'name' is not distinct from asked.value ->> 'name' and coalesce(own.value ->> 'protocol', 'TCP') = coalesce(asked.value ->> 'protocol', 'TCP')
    cross join lateral (
      select a.value ->> 'ip' as ip, true as "ready" from jsonb_array_elements(subset.value -> 'addresses') a
      union all select a.value ->> 'ip', false from jsonb_array_elements(subset.value -> 'notReadyAddresses') a
    ) at
  ) behind
  where b."uid" = any(${uids}::uuid[]) and b."tenantId" = ${scope.tenantId}`

/** The balancers of Services and Ingresses, by the uids of those. */
export async function balancersOf(db: Database, sourceUids: readonly string[]): Promise<Map<string, { name: string; addresses: string[] }>> {
  const rows = sourceUids.length === 0 ? [] : await db.loadBalancer.findMany({ where: { sourceUid: { in: [...sourceUids] } }, select: { sourceUid: true, name: true, addresses: parts.addresses } })
  return new Map(rows.map(({ sourceUid, name, addresses }) => [sourceUid, { name, addresses: addresses.map(({ address }) => address) }]))
}

/** Balancers that use certificates, by the certificates' ids. */
export async function balancersUsing(db: Database, tenantId: string, ids: readonly string[]): Promise<{ id: string; source: string; namespace: string; name: string }[]> {
  if (ids.length === 0) return []
  return db.$queryRaw`
    select distinct c.id as "id", b."source", b."namespace", b."name" from "LoadBalancer" b cross join lateral jsonb_array_elements_text(b."certificates") c(id)
    where b."tenantId" = ${tenantId} and c.id = any(${[...ids]}::text[]) order by b."namespace", b."name", b."source"`
}

/** Services by namespace and name with their endpoints, as balancers lead to them: keys are `namespace/name`. */
export async function backendServices(db: Database, scope: Scope, names: readonly { namespace: string; name: string }[]): Promise<Map<string, { spec: unknown; subsets: unknown }>> {
  if (names.length === 0) return new Map()
  const rows = await db.$queryRaw<{ key: string; spec: unknown; subsets: unknown }[]>`
    select s."namespace" || '/' || s."name" as "key", s."spec", e."subsets" from "Service" s left join "Endpoints" e on e."serviceUid" = s."uid"
    where s."tenantId" = ${scope.tenantId} and (s."namespace", s."name") in (select * from unnest(${names.map((one) => one.namespace)}::text[], ${names.map((one) => one.name)}::text[]))`
  return new Map(rows.map(({ key, ...row }) => [key, row]))
}

/** What pods say of their weight behind a balancer, by uid; of those that say nothing, nothing. */
export async function podWeights(db: Database, scope: Scope, uids: readonly string[]): Promise<Map<string, string>> {
  if (uids.length === 0) return new Map()
  const rows = await db.$queryRaw<{ uid: string; weight: string }[]>`
    select "uid", "annotations" ->> ${weightAnnotation} as "weight" from "Pod" where "tenantId" = ${scope.tenantId} and "uid" = any(${[...uids]}::uuid[]) and "annotations" ->> ${weightAnnotation} is not null`
  return new Map(rows.map(({ uid, weight }) => [uid, weight]))
}

/** Whether a selector finds another pod of the namespace than this one. */
export const findsOtherPod = async (db: Database, scope: Scope, { namespace, uid }: { namespace: string; uid: string }, selector: Labels): Promise<boolean> =>
  (await db.$queryRaw<unknown[]>`select 1 from "Pod" where "tenantId" = ${scope.tenantId} and "namespace" = ${namespace} and "uid" <> ${uid}::uuid and "labels" @> ${JSON.stringify(selector)}::jsonb limit 1`).length > 0

/** Which of these addresses are floating addresses of the tenant. */
export async function ownFloatingAddresses(db: Database, scope: Scope, addresses: readonly string[]): Promise<Set<string>> {
  const rows = addresses.length === 0 ? [] : await db.floatingAddress.findMany({ where: { tenantId: scope.tenantId, deletedAt: null, address: { in: [...addresses] } }, select: { address: true } })
  return new Set(rows.map(({ address }) => address))
}
