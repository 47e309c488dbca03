import type { StoredCertificate } from '@/domain/secret/certificate'
import type { Labels } from '@/domain/shared/names'
import { Prisma } from '@/generated/prisma/client'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { deleteSecret } from './secrets'

/** `valueId` names the wrapped values (store/secrets.ts). */
export type NewSecretObject = { namespace: string; name: string; labels: Labels; annotations: Labels; type: string; immutable: boolean; keys: Record<string, number>; bytes: number; valueId: string; certificate: StoredCertificate | null }
export type SecretRow = NonNullable<Awaited<ReturnType<typeof findSecretObject>>>

export const insertSecretObject = (db: Database, scope: Scope, row: NewSecretObject) => db.secret.create({ data: { ...row, certificate: row.certificate ?? Prisma.DbNull, tenantId: scope.tenantId } })

export const findSecretObject = (db: Database, scope: Scope, namespace: string, name: string) => db.secret.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } } })

/** Changes a Secret; wrapped values that are no longer named go. */
export async function updateSecretObject(db: Database, scope: Scope, before: { uid: string; valueId: string }, change: Omit<NewSecretObject, 'namespace' | 'name' | 'type'>): Promise<void> {
  await db.secret.update({ where: { uid: before.uid, tenantId: scope.tenantId }, data: { ...change, certificate: change.certificate ?? Prisma.DbNull, generation: { increment: 1 } } })
  if (change.valueId !== before.valueId) await deleteSecret(db, scope, before.valueId)
}

export async function deleteSecretObject(db: Database, scope: Scope, row: { uid: string; valueId: string }): Promise<void> {
  await db.secret.delete({ where: { uid: row.uid, tenantId: scope.tenantId } })
  await deleteSecret(db, scope, row.valueId)
}
