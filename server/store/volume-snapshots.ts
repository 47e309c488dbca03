import type { Labels } from '@/domain/shared/names'
import type { ComingVolume } from '@/domain/volume-snapshot/admission'
import type { VolumeSnapshotSpec } from '@/domain/volume-snapshot/spec'
import { isFinalReason } from '@/domain/volume/final-reasons'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from './database'
import { inOrder } from './object-pages'

const parts = { volume: { select: { uid: true, name: true, deletedAt: true } }, schedule: { select: { name: true } }, store: { select: { name: true, spec: true } } } as const
export type VolumeSnapshotRow = NonNullable<Awaited<ReturnType<typeof findVolumeSnapshot>>>

/** The tenant's snapshot of that name; those that were made for clones are nobody's to name. */
export const findVolumeSnapshot = (db: Database, scope: Scope, name: string) => db.volumeSnapshot.findFirst({ where: { tenantId: scope.tenantId, name, hidden: false }, include: parts })
export const loadVolumeSnapshots = async (db: Database, scope: Scope, uids: string[]): Promise<VolumeSnapshotRow[]> => inOrder(uids, await db.volumeSnapshot.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId, hidden: false }, include: parts }))

/** The tenant's snapshots that were taken at one instant and are not being deleted, by name. */
export const findSnapshotGroup = (db: Database, scope: Scope, group: string): Promise<VolumeSnapshotRow[]> => db.volumeSnapshot.findMany({ where: { tenantId: scope.tenantId, groupUid: group, hidden: false, deletedAt: null }, include: parts, orderBy: { name: 'asc' } })

/** Which of these names a snapshot of the tenant has already, a hidden one too. */
export const takenSnapshotNames = async (db: Database, scope: Pick<Scope, 'tenantId'>, names: readonly string[]): Promise<Set<string>> =>
  new Set((await db.volumeSnapshot.findMany({ where: { tenantId: scope.tenantId, name: { in: [...names] } }, select: { name: true } })).map(({ name }) => name))

export type NewSnapshot = {
  tenantId: string
  name: string; labels: Labels; annotations: Labels; spec: VolumeSnapshotSpec
  volumeUid: string; storeId: string; homeHostId: string | null; sizeBytes: bigint
  groupUid: string | null; scheduleUid: string | null
}
/** Asks for snapshots: the volume controller has them taken. Their volumes are held. */
export const insertSnapshots = (tx: Transaction, snapshots: readonly NewSnapshot[]): Promise<{ uid: string; name: string }[]> => tx.volumeSnapshot.createManyAndReturn({ data: [...snapshots], select: { uid: true, name: true } })

/** Holds a snapshot until the transaction ends: no deletion of it comes meanwhile, and no volume that is made of it. */
export const holdVolumeSnapshot = (tx: Transaction, uid: string) => tx.$queryRaw`select 1 from "VolumeSnapshot" where "uid" = ${uid}::uuid for update`

export const updateVolumeSnapshot = (tx: Transaction, scope: Scope, uid: string, change: { name: string; labels: Labels; annotations: Labels }) => tx.volumeSnapshot.update({ where: { uid, tenantId: scope.tenantId }, data: change, select: { uid: true } })

/** Marks it: the volume controller has it removed from its store, then its row goes. */
export const markVolumeSnapshotDeleted = (tx: Transaction, uid: string) => tx.volumeSnapshot.updateMany({ where: { uid, deletedAt: null }, data: { deletedAt: new Date(), generation: { increment: 1 } } })

/** How many volumes were made of each of these and depend on it still, as their keepers say. What is not made yet depends on it. */
export async function countClonesOf(db: Database, uids: readonly string[]): Promise<Map<string, number>> {
  if (uids.length === 0) return new Map()
  const rows = await db.$queryRaw<{ uid: string; count: number }[]>`
    select "sourceSnapshotUid" as "uid", count(*)::int as "count" from "Volume"
    where "sourceSnapshotUid" = any(${[...uids]}::uuid[]) and "storedPhase" <> 'Purged' and coalesce("report" ->> 'parent', 'true') = 'true' group by 1`
  return new Map(rows.map(({ uid, count }) => [uid, count]))
}

/** What belongs to a snapshot, by name, 500 of each at most: volumes made of it, those that can be restored too; claims that wait for one; others of its instant; others of its volume. */
export async function readSnapshotDependents(db: Database, scope: Scope, { uid, name, groupUid, volumeUid }: Pick<VolumeSnapshotRow, 'uid' | 'name' | 'groupUid' | 'volumeUid'>): Promise<{ volumes: string[]; claims: string[]; group: string[]; others: string[] }> {
  const { tenantId } = scope
  const named = { select: { name: true }, orderBy: { name: 'asc' }, take: 500 } as const
  const shown = { tenantId, hidden: false, deletedAt: null, uid: { not: uid } }
  const volumes = await db.volume.findMany({ where: { tenantId, sourceSnapshotUid: uid, storedPhase: { not: 'Purged' } }, ...named })
  const claims = await db.volumeClaim.findMany({ where: { tenantId, deletedAt: null, volume: null, AND: [{ spec: { path: ['dataSource', 'kind'], equals: 'VolumeSnapshot' } }, { spec: { path: ['dataSource', 'name'], equals: name } }] }, select: { namespace: true, name: true }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take: 500 })
  const group = groupUid === null ? [] : await db.volumeSnapshot.findMany({ where: { ...shown, groupUid }, ...named })
  const others = volumeUid === null ? [] : await db.volumeSnapshot.findMany({ where: { ...shown, volumeUid, phase: 'Ready' }, ...named })
  const names = (rows: readonly { name: string }[]) => rows.map((row) => row.name)
  return { volumes: names(volumes), claims: claims.map((one) => `${one.namespace}/${one.name}`), group: names(group), others: names(others) }
}

/** A volume that needs the snapshot to be there: it is being made of it, or goes back to it, or after it was taken. Null: none does. */
export async function findNeederOf(tx: Transaction, uid: string): Promise<{ name: string; reverting: boolean } | null> {
  const row = await tx.volume.findFirst({ where: { OR: [{ revertTo: uid }, { revertAfter: uid }, { sourceSnapshotUid: uid, storedPhase: { in: ['Absent', 'Creating'] } }], purging: false }, select: { name: true, revertTo: true, revertAfter: true }, orderBy: { createdAt: 'asc' } })
  return row && { name: row.name, reverting: row.revertTo === uid || row.revertAfter === uid }
}

/** How many snapshots each of these volumes has: hidden ones, and those that are being taken and removed, too. Those that failed take nothing once what may be stored of them is removed. */
export async function countSnapshotsOf(db: Database, volumeUids: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.volumeSnapshot.groupBy({ by: ['volumeUid'], where: { volumeUid: { in: [...volumeUids] }, OR: [{ phase: { not: 'Failed' } }, { remains: true }] }, _count: true })
  return new Map(rows.flatMap(({ volumeUid, _count }) => (volumeUid === null ? [] : [[volumeUid, _count] as const])))
}

/** The volumes that a pod has now, by name; those that it only waits for are not among them. */
export const volumesOfPod = async (db: Database, scope: Pick<Scope, 'tenantId'>, podUid: string): Promise<{ uid: string; name: string }[]> =>
  (await db.volumeAttachment.findMany({ where: { tenantId: scope.tenantId, podUid, phase: 'Attached' }, select: { volume: { select: { uid: true, name: true } } }, orderBy: { volume: { name: 'asc' } } })).map(({ volume }) => volume)

/** Volumes that a pod is to have, and that it does not have just now: its host is attaching them, or has not been heard of. What another pod has still, or nobody gives it, is none of its. */
export const comingVolumesOfPod = async (db: Database, scope: Pick<Scope, 'tenantId'>, podUid: string): Promise<ComingVolume[]> =>
  (await db.volumeAttachment.findMany({ where: { tenantId: scope.tenantId, podUid, wanted: true, phase: { in: ['Attaching', 'Lost'] } }, select: { phase: true, reason: true, volume: { select: { name: true } } }, orderBy: { volume: { name: 'asc' } } })).map(({ phase, reason, volume }) => ({ name: volume.name, lost: phase === 'Lost', refused: phase === 'Attaching' && isFinalReason(reason) ? reason : null }))

/** Whether a snapshot of the volume is asked for, or being taken. */
export const isSnapshotUnderWay = async (tx: Transaction, volumeUid: string): Promise<boolean> => (await tx.volumeSnapshot.count({ where: { volumeUid, phase: { in: ['Asked', 'Taking'] } } })) > 0

/** Lets a volume that nobody has go back to a snapshot: at once, or once another one is taken. */
export const markVolumeReverting = (tx: Transaction, uid: string, revertTo: string, revertAfter: string | null) => tx.volume.update({ where: { uid }, data: { revertTo, revertAfter, generation: { increment: 1 } }, select: { uid: true } })

/** Calls that off while what the volume has now is still being kept: its host knows nothing of it yet. False: nothing waits. */
export const unmarkVolumeReverting = async (tx: Transaction, uid: string): Promise<boolean> => (await tx.volume.updateMany({ where: { uid, revertTo: { not: null }, revertAfter: { not: null } }, data: { revertTo: null, revertAfter: null, generation: { increment: 1 } } })).count > 0

/** Snapshots' names by their uids. */
export async function snapshotNamesOf(db: Database, uids: readonly string[]): Promise<Map<string, string>> {
  if (uids.length === 0) return new Map()
  return new Map((await db.volumeSnapshot.findMany({ where: { uid: { in: [...uids] } }, select: { uid: true, name: true } })).map(({ uid, name }) => [uid, name]))
}

/** The snapshots of a volume that are newer than one of them, by name; the newest first. */
export const snapshotsSince = async (db: Database, volumeUid: string, takenAt: Date): Promise<string[]> =>
  (await db.volumeSnapshot.findMany({ where: { volumeUid, hidden: false, deletedAt: null, phase: 'Ready', takenAt: { gt: takenAt } }, select: { name: true }, orderBy: { takenAt: 'desc' } })).map(({ name }) => name)
