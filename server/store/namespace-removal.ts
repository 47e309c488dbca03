import type { Database } from './database'

/** Namespaces that are being deleted. Only the namespace controller uses this room. */
export const listDeletedNamespaces = (db: Database) => db.namespace.findMany({ where: { deletedAt: { not: null } }, select: { uid: true, tenantId: true, name: true } })

/** Sets the deletion time of every pod of the namespace, with each pod's own grace. Returns how many pods are left. */
export async function deletePodsOf(db: Database, tenantId: string, namespace: string): Promise<number> {
  await db.$executeRaw`
    update "Pod" set "deletedAt" = now(), "graceSeconds" = coalesce(("spec" ->> 'terminationGracePeriodSeconds')::int, 30), "generation" = "generation" + 1
    where "tenantId" = ${tenantId} and "namespace" = ${namespace} and "deletedAt" is null`
  return db.pod.count({ where: { tenantId, namespace } })
}

/** Gives up every claim of the namespace. Returns how many are left: each goes once its pods have, and then its volume is nobody's. */
export async function deleteClaimsOf(db: Database, tenantId: string, namespace: string): Promise<number> {
  await db.volumeClaim.updateMany({ where: { tenantId, namespace, deletedAt: null }, data: { deletedAt: new Date(), generation: { increment: 1 } } })
  return db.volumeClaim.count({ where: { tenantId, namespace } })
}

/** Removes a namespace without pods and claims, with its services, ingresses, policies, ConfigMaps and Secrets. Its row is held first, so that nobody adds one meanwhile. */
export async function removeNamespace(tx: Database, { uid, tenantId, name }: { uid: string; tenantId: string; name: string }): Promise<void> {
  const held = await tx.$queryRaw<unknown[]>`select 1 from "Namespace" where "uid" = ${uid}::uuid and "deletedAt" is not null for update`
  if (held.length === 0) return
  // In the order in which who writes their conditions holds them (conditions.ts): one waits for the other, and neither for both.
  await tx.$queryRaw`select 1 from "Ingress" where "tenantId" = ${tenantId} and "namespace" = ${name} order by "uid" for update`
  await tx.$queryRaw`select 1 from "Service" where "tenantId" = ${tenantId} and "namespace" = ${name} order by "uid" for update`
  await tx.ingress.deleteMany({ where: { tenantId, namespace: name } })
  await tx.service.deleteMany({ where: { tenantId, namespace: name } })
  await tx.endpoints.deleteMany({ where: { tenantId, namespace: name } })
  await tx.networkPolicy.deleteMany({ where: { tenantId, namespace: name } })
  await tx.configMap.deleteMany({ where: { tenantId, namespace: name } })
  const wrapped = await tx.secret.findMany({ where: { tenantId, namespace: name }, select: { valueId: true } })
  await tx.secret.deleteMany({ where: { tenantId, namespace: name } })
  await tx.wrappedSecret.deleteMany({ where: { id: { in: wrapped.map((row) => row.valueId) }, tenantId } })
  await tx.namespace.deleteMany({ where: { uid } })
}
