import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export const findTenantKey = (db: Database, scope: Scope) => db.tenantKey.findUnique({ where: { tenantId: scope.tenantId } })

export const insertSecret = (tx: Database, scope: Scope, secret: { id: string; purpose: string; wrappedValue: string }) => tx.wrappedSecret.create({ data: { ...secret, tenantId: scope.tenantId } })

export const findSecret = (db: Database, scope: Scope, id: string) => db.wrappedSecret.findUnique({ where: { id, tenantId: scope.tenantId } })

/** Removes a secret; false when the tenant has none such. */
export async function deleteSecret(tx: Database, scope: Scope, id: string): Promise<boolean> {
  return (await tx.wrappedSecret.deleteMany({ where: { id, tenantId: scope.tenantId } })).count > 0
}
