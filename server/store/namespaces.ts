import type { NamespaceSpec } from '@/domain/namespace/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type NewNamespace = { name: string; labels: Labels; annotations: Labels; spec: NamespaceSpec }

export const insertNamespace = (db: Database, scope: Scope, namespace: NewNamespace) => db.namespace.create({ data: { ...namespace, tenantId: scope.tenantId } })

export const findNamespace = (db: Database, scope: Scope, name: string) => db.namespace.findUnique({ where: { tenantId_name: { tenantId: scope.tenantId, name } } })

export const listNamespaces = (db: Database, scope: Scope) => db.namespace.findMany({ where: { tenantId: scope.tenantId }, orderBy: { name: 'asc' } })

export const updateNamespace = (db: Database, scope: Scope, uid: string, change: { labels: Labels; annotations: Labels; spec: NamespaceSpec }) =>
  db.namespace.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, generation: { increment: 1 } } })

/** Holds a namespace whose network may be about to change: nothing comes into it meanwhile. */
export const holdNamespaceToChange = (tx: Database, scope: Scope, name: string) => tx.$queryRaw`select 1 from "Namespace" where "tenantId" = ${scope.tenantId} and "name" = ${name} for update`

/** Sets the deletion time; the namespace controller deletes what is in it and then the row. */
export const markNamespaceDeleted = (db: Database, scope: Scope, uid: string) => db.namespace.updateMany({ where: { uid, tenantId: scope.tenantId, deletedAt: null }, data: { deletedAt: new Date() } })

/** Pods by namespace of the tenant. */
export async function countPodsByNamespace(db: Database, scope: Scope): Promise<Map<string, number>> {
  const rows = await db.pod.groupBy({ by: ['namespace'], where: { tenantId: scope.tenantId }, _count: true })
  return new Map(rows.map((row) => [row.namespace, row._count]))
}
