import { createHash } from 'node:crypto'
import { z } from 'zod'
import { volumeReport } from '@/contracts/host/v1/volumes'
import { storageClassSpec } from '@/domain/storage-class/spec'
import { attachmentPhase, hotMounts } from '@/domain/volume/attachment'
import { volumeSpec } from '@/domain/volume/spec'
import { volumeSnapshotSpec } from '@/domain/volume-snapshot/spec'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import type { AttachmentState, SnapshotState, StoreState, UploadState, VolumeState } from '@/domain/volume/host-state'
import type { Database, Transaction } from './database'
import { readLostRemovals } from './lost-removals'

/** All that a host may have to do with, as its rows are. `ready`: whether the host is heard of. `stores`: null where only others were asked for. */
export type HostVolumes = { ready: boolean; stores: StoreState[]; volumes: VolumeState[]; snapshots: SnapshotState[] }

const fence = z.object({ hostId: z.string(), epoch: z.number() }).nullable()
const parented = volumeReport.pick({ parent: true }).catch({})
const archiveFormat = z.enum(['raw', 'qcow2'])

/** Names a store's key without telling it: another key has another one. Null: it has none. */
export const keyRevisionOf = (wrappedKey: string | null): string | null => wrappedKey && createHash('sha256').update(wrappedKey).digest('hex').slice(0, 32)

/**
 * What a host's rows say of stores, volumes and snapshots: all of it, or of those with these uids, of volumes of the classes among them, and of snapshots whose volume is among them. Also what is over and whose
 * end the host has not confirmed, and what was removed for good while the host was lost. To be read in one snapshot.
 */
export async function readHostVolumes(tx: Transaction, hostId: string, uids: readonly string[] | null): Promise<HostVolumes> {
  const only = uids === null ? null : [...uids]
  const host = await tx.host.findUnique({ where: { id: hostId }, select: { phase: true, lostAt: true } })
  const stores = await tx.volumeStore.findMany({ where: only ? { uid: { in: only } } : {}, orderBy: { uid: 'asc' } })
  const here = { OR: [{ hostId }, { attachments: { some: { hostId } } }] }
  const rows = await tx.volume.findMany({
    where: only ? { AND: [here, { OR: [{ uid: { in: only } }, { classId: { in: only } }, { snapshots: { some: { uid: { in: only } } } }] }] } : here,
    include: { class: { select: { spec: true } }, attachments: { where: { hostId, epoch: { not: null } }, orderBy: { uid: 'asc' } } },
    orderBy: { uid: 'asc' },
  })
  const uploads = await uploadsOf(tx, rows.flatMap(({ sourceUploadId }) => sourceUploadId ?? []))
  const removals = await readLostRemovals(tx, hostId, only)
  const kept = rows.flatMap(({ uid, hostId: keeper, leaving }) => (keeper === hostId && !leaving ? [uid] : []))
  return {
    ready: host?.phase === 'Ready' && host.lostAt === null,
    stores: await storesOf(tx, stores),
    volumes: [...rows.map((row) => volumeOf(row, uploads)), ...removals.volumes],
    snapshots: [...await readSnapshots(tx, hostId, kept, only), ...removals.snapshots],
  }
}

/** A folder that several hosts have is another one on each of which it is not mounted: they are told whether something must be in it. */
async function storesOf(tx: Transaction, rows: readonly { uid: string; name: string; spec: unknown; wrappedKey: string | null }[]): Promise<StoreState[]> {
  const states = rows.map(({ uid, name, spec, wrappedKey }) => ({ uid, name, spec: volumeStoreSpec.parse(spec), keyRevision: keyRevisionOf(wrappedKey) }))
  const shared = states.flatMap(({ uid, spec }) => (spec.kind === 'file' && spec.shared ? [uid] : []))
  if (shared.length === 0) return states.map((state) => ({ ...state, holdsVolumes: false }))
  const storeId = { in: shared }
  const volumes = await tx.volume.groupBy({ by: ['storeId'], where: { storeId, OR: [{ storedPhase: 'Ready' }, { storedPhase: { not: 'Purged' }, storedSizeBytes: { not: null } }] } })
  const snapshots = await tx.volumeSnapshot.groupBy({ by: ['storeId'], where: { storeId, phase: 'Ready' } })
  const held = new Set([...volumes, ...snapshots].map((one) => one.storeId))
  return states.map((state) => ({ ...state, holdsVolumes: held.has(state.uid) }))
}

type VolumeRow = Awaited<ReturnType<Transaction['volume']['findMany']>>[number] & { class: { spec: unknown }; attachments: AttachmentRow[] }
type AttachmentRow = Awaited<ReturnType<Transaction['volumeAttachment']['findMany']>>[number]

const volumeOf = (row: VolumeRow, uploads: ReadonlyMap<string, UploadState>): VolumeState => ({
  uid: row.uid, tenantId: row.tenantId, name: row.name, storeUid: row.storeId, hostId: row.hostId, leaving: row.leaving, epoch: Number(row.epoch), sizeBytes: Number(row.sizeBytes),
  spec: volumeSpec.parse(row.spec), class: storageClassSpec.parse(row.class.spec), sourceSnapshotUid: row.sourceSnapshotUid, sourceUploadId: row.sourceUploadId, sourceBlank: row.sourceBlank, upload: uploads.get(row.sourceUploadId ?? '') ?? null,
  fence: fence.parse(row.fence), revertTo: row.revertAfter === null ? row.revertTo : null, purging: row.purging, made: row.storedPhase === 'Ready', formatted: row.formatted, hasParent: parented.parse(row.report ?? {}).parent ?? false,
  attachments: row.attachments.map(attachmentOf),
})

const attachmentOf = ({ uid, podUid, name, readOnly, epoch, phase, forced, mounts }: AttachmentRow): AttachmentState => ({ uid, podUid, name, readOnly, epoch: Number(epoch), phase: attachmentPhase.parse(phase), forced, mounts: hotMounts.nullable().parse(mounts) })

async function uploadsOf(db: Database, ids: string[]): Promise<Map<string, UploadState>> {
  const rows = ids.length === 0 ? [] : await db.volumeUpload.findMany({ where: { id: { in: ids } } })
  return new Map(rows.map(({ id, format, bytes, virtualBytes, digest }) => [id, { id, format: archiveFormat.parse(format), bytes: Number(bytes), virtualBytes: Number(virtualBytes), digest }]))
}

/** Something of it is stored, or was once. */
export const isMade = ({ storedPhase, storedSizeBytes }: { storedPhase: string; storedSizeBytes: bigint | null }): boolean => storedPhase === 'Ready' || storedSizeBytes !== null

/**
 * Those of volumes that the host keeps, and of none that it shall remove. Of a group, how many of it are to be taken. One that is only asked for waits, unknown to any host, until its volume is made: where it lies is written down before it is taken.
 */
async function readSnapshots(tx: Transaction, hostId: string, kept: string[], only: string[] | null): Promise<SnapshotState[]> {
  const volumes = { volumeUid: { in: kept } }
  const found = await tx.volumeSnapshot.findMany({ where: only ? { OR: [{ ...volumes }, { uid: { in: only }, hostId }] } : { OR: [volumes, { hostId }] }, include: { volume: { select: { storedPhase: true, storedSizeBytes: true } } }, orderBy: { uid: 'asc' } })
  const rows = found.filter(({ phase, volume }) => phase !== 'Asked' || (volume !== null && isMade(volume)))
  const groups = [...new Set(rows.flatMap(({ groupUid }) => groupUid ?? []))]
  const counted = groups.length === 0 ? [] : await tx.volumeSnapshot.groupBy({ by: ['groupUid'], where: { groupUid: { in: groups } }, _count: true })
  const sizes = new Map(counted.map(({ groupUid, _count }) => [groupUid, _count]))
  return rows.map((row) => ({
    uid: row.uid, tenantId: row.tenantId, volumeUid: row.volumeUid, storeUid: row.storeId, groupUid: row.groupUid, groupSize: sizes.get(row.groupUid) ?? 1,
    freeze: volumeSnapshotSpec.safeParse(row.spec).data?.consistency === 'FilesystemConsistent', phase: row.phase, sizeBytes: Number(row.sizeBytes), hidden: row.hidden, remains: row.remains,
  }))
}

/** Of one volume: rights of pods that are over and that their host has no more; the number under which it has left it, where it has; and rights that were taken for lost and that it has, with what it says of them. */
export type SettledVolume = { uid: string; ended: string[]; left: number | null; back: { uid: string; phase: 'Attaching' | 'Attached' }[] }

/** Each only while its row says still what it said. Held by the host's connection (`holdConnection`) when it ends, for a newer one may have told the host anew. Only the gateway calls this. */
export async function settleVolume(tx: Transaction, hostId: string, { uid: volumeUid, ended, left, back }: SettledVolume): Promise<void> {
  // As the volume controller and people do, who hold the volume before its attachments.
  await tx.$queryRaw`select 1 from "Volume" where "uid" = ${volumeUid}::uuid for update`
  if (ended.length > 0) await tx.$executeRaw`delete from "VolumeAttachment" where "uid" = any(${ended}::uuid[]) and "hostId" = ${hostId}::uuid and "phase" in ('Detaching', 'Lost')`
  for (const { uid, phase } of back) {
    await tx.$executeRaw`
      update "VolumeAttachment" a set "phase" = ${phase}, "changedAt" = now() from "Volume" v
      where a."uid" = ${uid}::uuid and a."hostId" = ${hostId}::uuid and a."phase" = 'Lost' and v."uid" = a."volumeUid" and (a."readOnly" or v."hostId" = a."hostId")`
  }
  if (left !== null) await tx.$executeRaw`update "Volume" set "hostId" = null, "leaving" = false where "uid" = ${volumeUid}::uuid and "hostId" = ${hostId}::uuid and "leaving" and "epoch" = ${left}`
}

export const listStoreKeys = (db: Database, uids: string[]) => db.volumeStore.findMany({ where: { uid: { in: uids } }, select: { uid: true, wrappedKey: true } })
