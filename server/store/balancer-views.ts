import type { BalancerSource } from '@/domain/load-balancer/view'
import { weightAnnotation } from '@/domain/load-balancer/annotations'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { inOrder } from './object-pages'

/** Balancers as pages read them. Who writes them is the external controller: server/store/load-balancers.ts. */
const parts = {
  network: { select: { name: true } }, host: { select: { name: true, phase: true } },
  addresses: { where: { deletedAt: null }, select: { address: true }, orderBy: { address: 'asc' } },
} as const
export type LoadBalancerRow = NonNullable<Awaited<ReturnType<typeof findLoadBalancer>>>

export const findLoadBalancer = (db: Database, scope: Scope, source: BalancerSource, namespace: string, name: string) => db.loadBalancer.findUnique({ where: { tenantId_namespace_source_name: { tenantId: scope.tenantId, namespace, source, name } }, include: parts })

/** The balancers with these uids, in their order; what is another tenant's is left out. */
export const loadLoadBalancers = async (db: Database, scope: Scope, uids: string[]): Promise<LoadBalancerRow[]> => inOrder(uids, await db.loadBalancer.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

/** Labels and annotations of who asked for balancers, by their uids: the balancers' own are theirs. */
export async function sourceMetadata(db: Database, scope: Scope, sourceUids: readonly string[]): Promise<Map<string, { labels: unknown; annotations: unknown }>> {
  const where = { tenantId: scope.tenantId, uid: { in: [...sourceUids] } }
  const select = { uid: true, labels: true, annotations: true } as const
  const rows = sourceUids.length === 0 ? [] : [...(await db.service.findMany({ where, select })), ...(await db.ingress.findMany({ where, select }))]
  return new Map(rows.map(({ uid, ...row }) => [uid, row]))
}

/** The balancers of Services and Ingresses, by the uids of those. */
export async function balancersOf(db: Database, sourceUids: readonly string[]): Promise<Map<string, { name: string; addresses: string[] }>> {
  const rows = sourceUids.length === 0 ? [] : await db.loadBalancer.findMany({ where: { sourceUid: { in: [...sourceUids] } }, select: { sourceUid: true, name: true, addresses: parts.addresses } })
  return new Map(rows.map(({ sourceUid, name, addresses }) => [sourceUid, { name, addresses: addresses.map(({ address }) => address) }]))
}

/** Balancers that use certificates, by the certificates' ids. */
export async function balancersUsing(db: Database, tenantId: string, ids: readonly string[]): Promise<{ id: string; source: string; namespace: string; name: string }[]> {
  if (ids.length === 0) return []
  return db.$queryRaw`
    select distinct c ->> 'id' as "id", b."source", b."namespace", b."name" from "LoadBalancer" b cross join lateral jsonb_array_elements(b."compiled" -> 'certificates') c
    where b."tenantId" = ${tenantId} and c ->> 'id' = any(${[...ids]}::text[]) order by b."namespace", b."name", b."source"`
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

/** The labels of other pods of a namespace, for who looks whether a selector finds one alone. */
export const labelsOfOtherPods = (db: Database, scope: Scope, namespace: string, uid: string) => db.pod.findMany({ where: { tenantId: scope.tenantId, namespace, uid: { not: uid } }, select: { labels: true } })

/** Which of these addresses are floating addresses of the tenant. */
export async function ownFloatingAddresses(db: Database, scope: Scope, addresses: readonly string[]): Promise<Set<string>> {
  const rows = addresses.length === 0 ? [] : await db.floatingAddress.findMany({ where: { tenantId: scope.tenantId, deletedAt: null, address: { in: [...addresses] } }, select: { address: true } })
  return new Set(rows.map(({ address }) => address))
}
