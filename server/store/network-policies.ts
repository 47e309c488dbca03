import type { NetworkPolicySpec } from '@/domain/network-policy/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { inOrder } from './object-pages'

export type NetworkPolicyRow = NonNullable<Awaited<ReturnType<typeof findNetworkPolicy>>>

export const insertNetworkPolicy = (db: Database, scope: Scope, row: { namespace: string; name: string; labels: Labels; annotations: Labels; spec: NetworkPolicySpec }) => db.networkPolicy.create({ data: { ...row, tenantId: scope.tenantId } })

export const findNetworkPolicy = (db: Database, scope: Scope, namespace: string, name: string) => db.networkPolicy.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } } })

export const loadNetworkPolicies = async (db: Database, scope: Scope, uids: string[]): Promise<NetworkPolicyRow[]> => inOrder(uids, await db.networkPolicy.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId } }))

/** Every policy in these namespaces. */
export const listNetworkPoliciesIn = (db: Database, scope: Scope, namespaces: readonly string[]): Promise<NetworkPolicyRow[]> => db.networkPolicy.findMany({ where: { tenantId: scope.tenantId, namespace: { in: [...namespaces] } } })

export const updateNetworkPolicy = (db: Database, scope: Scope, uid: string, { specChanged, ...data }: { labels: Labels; annotations: Labels; spec: NetworkPolicySpec; specChanged: boolean }) =>
  db.networkPolicy.update({ where: { uid, tenantId: scope.tenantId }, data: { ...data, ...(specChanged ? { generation: { increment: 1 } } : {}) } })

export const deleteNetworkPolicy = (db: Database, scope: Scope, uid: string) => db.networkPolicy.delete({ where: { uid, tenantId: scope.tenantId } })

export const countPoliciesInNamespace = (db: Database, scope: Scope, namespace: string): Promise<number> => db.networkPolicy.count({ where: { tenantId: scope.tenantId, namespace } })
