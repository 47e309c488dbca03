import type { EndpointSubset } from '@/domain/service/endpoints'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { inOrder } from './object-pages'

const parts = { service: { select: { spec: true } } } as const
export type EndpointsRow = NonNullable<Awaited<ReturnType<typeof findEndpoints>>>

export const findEndpoints = (db: Database, scope: Scope, namespace: string, name: string) => db.endpoints.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } }, include: parts })

export const loadEndpoints = async (db: Database, scope: Scope, uids: string[]): Promise<EndpointsRow[]> => inOrder(uids, await db.endpoints.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

export const insertEndpoints = (db: Database, scope: Scope, row: { namespace: string; name: string; labels: Labels; annotations: Labels; subsets: EndpointSubset[]; serviceUid: string | null }) => db.endpoints.create({ data: { ...row, tenantId: scope.tenantId } })

export const updateEndpoints = (db: Database, scope: Scope, uid: string, change: { labels: Labels; annotations: Labels; subsets: EndpointSubset[] }) => db.endpoints.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, generation: { increment: 1 } } })

export const deleteEndpoints = (db: Database, scope: Scope, uid: string) => db.endpoints.delete({ where: { uid, tenantId: scope.tenantId } })

/** Those that people wrote and no service has. */
export const countEndpointsWithoutService = (db: Database, scope: Scope, namespace: string): Promise<number> => db.endpoints.count({ where: { tenantId: scope.tenantId, namespace, serviceUid: null } })

/** The addresses of all Endpoints that people wrote, but for those of one. */
export async function countWrittenAddresses(db: Database, scope: Scope, exceptUid: string | null): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }[]>`
    select coalesce(sum(coalesce(jsonb_array_length(x -> 'addresses'), 0) + coalesce(jsonb_array_length(x -> 'notReadyAddresses'), 0)), 0)::int as count
    from "Endpoints" e left join "Service" s on s."uid" = e."serviceUid" cross join lateral jsonb_array_elements(e."subsets") x
    where e."tenantId" = ${scope.tenantId} and e."uid" is distinct from ${exceptUid}::uuid and (s."uid" is null or s."spec" -> 'selector' = '{}'::jsonb)`
  return row?.count ?? 0
}

/** Ties Endpoints that were written before their service to it. */
export const adoptEndpoints = (db: Database, scope: Scope, uid: string, serviceUid: string) => db.endpoints.update({ where: { uid, tenantId: scope.tenantId }, data: { serviceUid } })

/** The names of hosts by their ids: what endpoints say of where their pods run. */
export async function hostNames(db: Database, ids: string[]): Promise<Map<string, string>> {
  const valid = ids.filter((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
  const rows = valid.length === 0 ? [] : await db.host.findMany({ where: { id: { in: valid } }, select: { id: true, name: true } })
  return new Map(rows.map((row) => [row.id, row.name]))
}
