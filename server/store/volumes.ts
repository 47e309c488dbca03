import { storageClassSpec, type StorageClassSpec } from '@/domain/storage-class/spec'
import type { Labels } from '@/domain/shared/names'
import type { VolumeLabels } from '@/domain/volume/claim-labels'
import type { VolumeSpec } from '@/domain/volume/spec'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from './database'
import { inOrder } from './object-pages'

const silence = { select: { name: true, phase: true, lostAt: true } } as const
const parts = {
  class: { select: { name: true, spec: true } },
  store: { select: { name: true, spec: true } },
  host: silence,
  home: silence,
  claim: { select: { namespace: true, name: true } },
  attachments: { include: { host: { select: { name: true } } }, orderBy: { createdAt: 'asc' } },
} as const
export type VolumeRow = NonNullable<Awaited<ReturnType<typeof findVolume>>>

/** The tenant's volume of that name; where none has it now, the one that was deleted last. `uid`: that one of them. */
export const findVolume = (db: Database, scope: Scope, name: string, uid?: string) =>
  db.volume.findFirst({ where: { tenantId: scope.tenantId, name, uid }, include: parts, orderBy: { deletedAt: { sort: 'desc', nulls: 'first' } } })

export const loadVolumes = async (db: Database, scope: Scope, uids: string[]): Promise<VolumeRow[]> => inOrder(uids, await db.volume.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

/** Whether a volume that is not deleted has the name. */
export const isVolumeNameTaken = async (db: Database, scope: Pick<Scope, 'tenantId'>, name: string): Promise<boolean> => (await db.volume.count({ where: { tenantId: scope.tenantId, name, deletedAt: null } })) > 0

export type StoredClass = { uid: string; name: string; storeId: string; spec: StorageClassSpec; store: { name: string; spec: unknown } }

/** The class of that name, or the default one. It stays until the transaction ends. */
export async function findClassOf(tx: Transaction, name: string | undefined): Promise<StoredClass | null> {
  const row = await tx.storageClass.findFirst({ where: name === undefined ? { isDefault: true } : { name }, include: { store: { select: { name: true, spec: true } } } })
  return row && { uid: row.uid, name: row.name, storeId: row.storeId, spec: storageClassSpec.parse(row.spec), store: row.store }
}

/** What of a snapshot decides whether a volume can be made of it; hidden ones are nobody's to name. */
export const findSourceSnapshot = (tx: Transaction, scope: Pick<Scope, 'tenantId'>, name: string) =>
  tx.volumeSnapshot.findFirst({ where: { tenantId: scope.tenantId, name, hidden: false }, select: { uid: true, phase: true, deletedAt: true, sizeBytes: true, content: true, storeId: true, homeHostId: true, store: { select: { name: true } } } })

/** An archive that the tenant sent, and that is kept still: it stays until the transaction ends. */
export async function findSourceUpload(tx: Transaction, scope: Pick<Scope, 'tenantId'>, id: string) {
  await tx.$queryRaw`select 1 from "VolumeUpload" where "id" = ${id}::uuid and "tenantId" = ${scope.tenantId} for share`
  return tx.volumeUpload.findFirst({ where: { id, tenantId: scope.tenantId, expiresAt: { gt: new Date() } }, select: { id: true, virtualBytes: true } })
}

export type NewVolume = {
  name: string; labels: Labels; annotations: Labels; spec: VolumeSpec
  /** Those of its labels that are its claim's. */
  claimLabels?: Labels
  classId: string; storeId: string; sizeBytes: bigint
  /** What it is made of, and where that lies. */
  sourceSnapshotUid: string | null; sourceUploadId: string | null; sourceBlank: boolean; homeHostId: string | null
}
export const insertVolume = (tx: Transaction, scope: Pick<Scope, 'tenantId'>, volume: NewVolume) => tx.volume.create({ data: { ...volume, tenantId: scope.tenantId }, select: { uid: true } })

/** A snapshot that is taken for a clone alone: not listed, and gone once nothing depends on it. */
export const insertHiddenSnapshot = (tx: Transaction, scope: Pick<Scope, 'tenantId'>, of: { uid: string; name: string; storeId: string; homeHostId: string | null; sizeBytes: bigint }, name: string) =>
  tx.volumeSnapshot.create({ data: { tenantId: scope.tenantId, name, spec: { source: { volumeName: of.name }, consistency: 'CrashConsistent' }, volumeUid: of.uid, storeId: of.storeId, homeHostId: of.homeHostId, sizeBytes: of.sizeBytes, hidden: true }, select: { uid: true } })

export type VolumeChange = VolumeLabels & { name: string; annotations: Labels; spec: VolumeSpec; sizeBytes: bigint; specChanged: boolean }
export const updateVolume = (tx: Transaction, scope: Scope, uid: string, { specChanged, ...change }: VolumeChange) =>
  tx.volume.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, ...(specChanged ? { generation: { increment: 1 } } : {}) }, select: { uid: true } })

/** Deletes it for now: for so long it can be restored, by the database's clock, which also judges when that is over. What is deleted already stays as it is. */
export const markVolumeDeleted = (tx: Transaction, { tenantId }: Pick<Scope, 'tenantId'>, uid: string, graceMs: number) =>
  tx.$executeRaw`update "Volume" set "deletedAt" = now(), "purgeAt" = now() + ${graceMs / 1000} * interval '1 second', "generation" = "generation" + 1 where "uid" = ${uid}::uuid and "tenantId" = ${tenantId} and "deletedAt" is null`

/** Takes the deletion back, under this name. */
export const markVolumeRestored = (tx: Transaction, scope: Scope, uid: string, name: string) =>
  tx.volume.update({ where: { uid, tenantId: scope.tenantId }, data: { deletedAt: null, purgeAt: null, name, generation: { increment: 1 } }, select: { uid: true } })

/** Holds a volume until the transaction ends: no attachment, deletion or change of it comes meanwhile. */
export const holdVolume = (tx: Transaction, uid: string) => tx.$queryRaw`select 1 from "Volume" where "uid" = ${uid}::uuid for update`

export type VolumeQuotas = { volumes: number; bytes: number; snapshots: number }
/** What the tenant has and may have; what is deleted counts until it is removed for good, for it takes room until then. Bytes are those of volumes as large as they may become, and of all snapshots as large as their hosts said last. */
export async function readVolumeUse(db: Database, scope: Pick<Scope, 'tenantId'>, usual: VolumeQuotas): Promise<{ used: VolumeQuotas; limits: VolumeQuotas }> {
  const { tenantId } = scope
  const tenant = await db.tenant.findUnique({ where: { id: tenantId }, select: { volumeQuota: true, volumeBytesQuota: true, snapshotQuota: true } })
  const volumes = await db.volume.aggregate({ where: { tenantId }, _count: true, _sum: { sizeBytes: true } })
  const snapshots = await db.volumeSnapshot.count({ where: { tenantId, hidden: false } })
  const kept = await db.volumeSnapshot.aggregate({ where: { tenantId }, _sum: { storedBytes: true } })
  return {
    used: { volumes: volumes._count, bytes: Number((volumes._sum.sizeBytes ?? 0n) + (kept._sum.storedBytes ?? 0n)), snapshots },
    limits: { volumes: tenant?.volumeQuota ?? usual.volumes, bytes: Number(tenant?.volumeBytesQuota ?? usual.bytes), snapshots: tenant?.snapshotQuota ?? usual.snapshots },
  }
}

/** What goes on, or does not, without a volume, by name: its snapshots, the schedules that name it alone or among others, and the pods that name it; a hundred of each at most. */
export async function readVolumeDependents(db: Database, scope: Scope, { uid, name }: { uid: string; name: string }): Promise<{ snapshots: string[]; schedules: string[]; pods: string[] }> {
  const { tenantId } = scope
  const snapshots = await db.volumeSnapshot.findMany({ where: { tenantId, volumeUid: uid, hidden: false, deletedAt: null }, select: { name: true }, orderBy: { name: 'asc' }, take: 100 })
  const schedules = await db.snapshotSchedule.findMany({ where: { tenantId, spec: { path: ['volumes', 'names'], array_contains: [name] } }, select: { name: true }, orderBy: { name: 'asc' }, take: 100 })
  const pods = await db.pod.findMany({ where: { tenantId, deletedAt: null, references: { some: { tenantId, kind: 'Volume', name: { in: [uid, name] } } } }, select: { namespace: true, name: true }, orderBy: [{ namespace: 'asc' }, { name: 'asc' }], take: 100 })
  return { snapshots: snapshots.map((one) => one.name), schedules: schedules.map((one) => one.name), pods: pods.map((one) => `${one.namespace}/${one.name}`) }
}
