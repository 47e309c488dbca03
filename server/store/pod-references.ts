import type { ConfigurationReference } from '@/domain/pod/configuration'
import type { VolumeReference } from '@/domain/pod/persistent-volumes'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

/** Writes what a pod's spec names, with the pod. */
export const insertPodReferences = (tx: Database, scope: Scope, pod: { uid: string; namespace: string }, references: readonly (ConfigurationReference | VolumeReference)[]) =>
  tx.podReference.createMany({ data: references.map((reference) => ({ ...reference, podUid: pod.uid, tenantId: scope.tenantId, namespace: pod.namespace })) })

/** The pods that name an object, by name, at most a hundred. */
export async function listPodsUsing(db: Database, scope: Scope, kind: ConfigurationReference['kind'], namespace: string, name: string): Promise<{ namespace: string; name: string }[]> {
  const rows = await db.podReference.findMany({ where: { tenantId: scope.tenantId, namespace, kind, name }, select: { pod: { select: { namespace: true, name: true } } }, orderBy: { pod: { name: 'asc' } }, take: 100 })
  return rows.map((row) => row.pod)
}

/** An object as change-feed rows name it. */
export type ObjectName = { tenantId: string; namespace: string; kind: string; name: string }

/** The pods that name an object, for the pod controller. */
export async function listReferencingPods(db: Database, { tenantId, namespace, kind, name }: ObjectName): Promise<string[]> {
  return (await db.podReference.findMany({ where: { tenantId, namespace, kind, name }, select: { podUid: true } })).map((row) => row.podUid)
}

/** The hosts that run a pod which names one of the objects. */
export async function listReferencingHosts(db: Database, objects: ObjectName[]): Promise<string[]> {
  const column = (of: (object: ObjectName) => string) => objects.map(of)
  const rows = await db.$queryRaw<{ hostId: string }[]>`
    select distinct a."hostId" from unnest(${column((o) => o.tenantId)}::char(32)[], ${column((o) => o.namespace)}::text[], ${column((o) => o.kind)}::text[], ${column((o) => o.name)}::text[]) as o(tenant, namespace, kind, name)
    join "PodReference" r on r."tenantId" = o.tenant and r."namespace" = o.namespace and r."kind" = o.kind and r."name" = o.name
    join "PodAssignment" a on a."podUid" = r."podUid"`
  return rows.map((row) => row.hostId)
}

/** The hosts that these tenants' uploads concern: those with a pod of theirs, or null, which is all, where one of them has an image that all hosts pull ahead. */
export async function listUploadHosts(db: Database, tenantIds: string[]): Promise<string[] | null> {
  const rows = await db.$queryRaw<{ hostId: string | null }[]>`
    select a."hostId" from "Pod" p join "PodAssignment" a on a."podUid" = p."uid" where p."tenantId" = any(${tenantIds}::char(32)[])
    union select null from "ImagePrePull" where "tenantId" = any(${tenantIds}::char(32)[]) and "expiresAt" > now()`
  const hosts = rows.flatMap(({ hostId }) => hostId ?? [])
  return hosts.length < rows.length ? null : hosts
}
