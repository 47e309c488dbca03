import type { Labels } from '@/domain/shared/names'
import type { VolumeClaimSpec } from '@/domain/volume-claim/spec'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from './database'
import { inOrder } from './object-pages'

const parts = { volume: { select: { uid: true, name: true, sizeBytes: true, storedSizeBytes: true, class: { select: { name: true } } } } } as const
export type VolumeClaimRow = NonNullable<Awaited<ReturnType<typeof findVolumeClaim>>>

export const findVolumeClaim = (db: Database, scope: Scope, namespace: string, name: string) => db.volumeClaim.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, namespace, name } }, include: parts })
export const loadVolumeClaims = async (db: Database, scope: Scope, uids: string[]): Promise<VolumeClaimRow[]> => inOrder(uids, await db.volumeClaim.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

export const insertVolumeClaim = (tx: Transaction, scope: Scope, claim: { namespace: string; name: string; labels: Labels; annotations: Labels; spec: VolumeClaimSpec }) => tx.volumeClaim.create({ data: { ...claim, tenantId: scope.tenantId }, select: { uid: true } })

export const updateVolumeClaim = (tx: Transaction, scope: Scope, uid: string, { specChanged, ...change }: { labels: Labels; annotations: Labels; spec: VolumeClaimSpec; specChanged: boolean }) =>
  tx.volumeClaim.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, ...(specChanged ? { generation: { increment: 1 } } : {}) }, select: { uid: true } })

/** Marks a claim: the volume controller removes it once no pod names it. */
export const markVolumeClaimDeleted = (tx: Transaction, scope: Scope, uid: string) => tx.volumeClaim.updateMany({ where: { uid, tenantId: scope.tenantId, deletedAt: null }, data: { deletedAt: new Date(), generation: { increment: 1 } } })

/** The pods that name each of these claims, by the claims' `namespace/name`; a hundred of each at most. */
export async function podsOfClaims(db: Database, scope: Scope, claims: readonly { namespace: string; name: string }[]): Promise<Map<string, string[]>> {
  const rows = await db.$queryRaw<{ claim: string; pods: string[] }[]>`
    select c.namespace || '/' || c.name as "claim", (array_agg(p."name" order by p."name"))[1:100] as "pods"
    from unnest(${claims.map(({ namespace }) => namespace)}::text[], ${claims.map(({ name }) => name)}::text[]) as c(namespace, name)
    join "PodReference" r on r."tenantId" = ${scope.tenantId} and r."namespace" = c.namespace and r."kind" = 'PersistentVolumeClaim' and r."name" = c.name
    join "Pod" p on p."uid" = r."podUid" group by 1`
  return new Map(rows.map(({ claim, pods }) => [claim, pods]))
}
