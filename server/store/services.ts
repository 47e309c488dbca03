import type { ServiceSpec } from '@/domain/service/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { inOrder } from './object-pages'

const parts = { network: { select: { name: true, spec: true } }, addresses: { select: { address: true }, orderBy: { address: 'asc' } }, endpoints: { select: { uid: true, subsets: true } } } as const
export type NewService = { namespace: string; name: string; labels: Labels; annotations: Labels; spec: ServiceSpec; networkId: string }
export type ServiceRow = NonNullable<Awaited<ReturnType<typeof findService>>>

export const insertService = (db: Database, scope: Scope, row: NewService) => db.service.create({ data: { ...row, tenantId: scope.tenantId }, include: parts })

export const findService = (db: Database, scope: Scope, namespace: string, name: string) => db.service.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } }, include: parts })

/** The services with these uids, in their order; what is another tenant's is left out. */
export const loadServices = async (db: Database, scope: Scope, uids: string[]): Promise<ServiceRow[]> => inOrder(uids, await db.service.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

/** The services of a network, by namespace and name, at most `take`. */
export const listServicesOf = (db: Database, scope: Scope, networkId: string, take: number): Promise<ServiceRow[]> => db.service.findMany({ where: { networkId, tenantId: scope.tenantId }, include: parts, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take })

export const updateService = (db: Database, scope: Scope, uid: string, change: { labels: Labels; annotations: Labels; spec: ServiceSpec; specChanged: boolean }) => {
  const { specChanged, ...data } = change
  return db.service.update({ where: { uid, tenantId: scope.tenantId }, data: { ...data, ...(specChanged ? { generation: { increment: 1 } } : {}) } })
}

/** Removes a service with its addresses and endpoints. */
export async function deleteService(tx: Database, scope: Scope, uid: string): Promise<void> {
  await tx.service.delete({ where: { uid, tenantId: scope.tenantId } })
}

export const countServicesInNamespace = (db: Database, scope: Scope, namespace: string): Promise<number> => db.service.count({ where: { tenantId: scope.tenantId, namespace } })
/** The addresses that services of a network hold. */
export const listServiceAddresses = (db: Database, networkId: string) => db.serviceAddress.findMany({ where: { networkId }, select: { address: true } })
