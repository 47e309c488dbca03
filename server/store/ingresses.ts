import type { IngressSpec } from '@/domain/ingress/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { inOrder } from './object-pages'

const parts = { network: { select: { name: true } } } as const
export type NewIngress = { namespace: string; name: string; labels: Labels; annotations: Labels; spec: IngressSpec; networkId: string }
export type IngressRow = NonNullable<Awaited<ReturnType<typeof findIngress>>>

export const insertIngress = (db: Database, scope: Scope, row: NewIngress) => db.ingress.create({ data: { ...row, tenantId: scope.tenantId } })

export const findIngress = (db: Database, scope: Scope, namespace: string, name: string) => db.ingress.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } }, include: parts })

/** The Ingresses with these uids, in their order; what is another tenant's is left out. */
export const loadIngresses = async (db: Database, scope: Scope, uids: string[]): Promise<IngressRow[]> => inOrder(uids, await db.ingress.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

export const updateIngress = (db: Database, scope: Scope, uid: string, { specChanged, ...change }: { labels: Labels; annotations: Labels; spec: IngressSpec; specChanged: boolean }) =>
  db.ingress.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, ...(specChanged ? { generation: { increment: 1 } } : {}) } })

export async function deleteIngress(tx: Database, scope: Scope, uid: string): Promise<void> {
  await tx.ingress.delete({ where: { uid, tenantId: scope.tenantId } })
}

export const countIngressesInNamespace = (db: Database, scope: Scope, namespace: string): Promise<number> => db.ingress.count({ where: { tenantId: scope.tenantId, namespace } })
