import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type NewConfigMap = { namespace: string; name: string; labels: Labels; annotations: Labels; immutable: boolean; data: Record<string, string>; binaryData: Record<string, string>; keys: Record<string, number>; bytes: number }
export type ConfigMapRow = NonNullable<Awaited<ReturnType<typeof findConfigMap>>>

export const insertConfigMap = (db: Database, scope: Scope, row: NewConfigMap) => db.configMap.create({ data: { ...row, tenantId: scope.tenantId } })

export const findConfigMap = (db: Database, scope: Scope, namespace: string, name: string) => db.configMap.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } } })

/** The values of these ConfigMaps; what is another tenant's is left out. */
export const loadConfigMaps = (db: Database, scope: Scope, uids: string[]) => db.configMap.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId } })

export const updateConfigMap = (db: Database, scope: Scope, uid: string, change: Omit<NewConfigMap, 'namespace' | 'name'>) =>
  db.configMap.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, generation: { increment: 1 } } })

export const deleteConfigMap = (db: Database, scope: Scope, uid: string) => db.configMap.delete({ where: { uid, tenantId: scope.tenantId } })
