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

export const removeNamespace = (db: Database, uid: string) => db.namespace.deleteMany({ where: { uid, deletedAt: { not: null } } })
