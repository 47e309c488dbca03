import type { VolumeReport } from '@/contracts/host/v1/volumes'
import { storageClassSpec } from '@/domain/storage-class/spec'
import type { SnapshotState, VolumeState } from '@/domain/volume/host-state'
import { volumeSpec } from '@/domain/volume/spec'
import type { Database, Transaction } from './database'

/** Nothing is made of what is to be removed: what its volume was like is not remembered. */
const forgotten = {
  ...{ leaving: false, sizeBytes: 0, spec: volumeSpec.parse({ size: '1Gi' }), class: storageClassSpec.parse({ store: 'forgotten' }), sourceSnapshotUid: null, sourceUploadId: null, sourceBlank: false, upload: null },
  ...{ fence: null, revertTo: null, purging: true, made: true, formatted: 'block', hasParent: false, attachments: [] },
} satisfies Partial<VolumeState>

/**
 * What lies on the disk of a host that was lost and is readmitted, and was removed for good meanwhile; of those with these uids, or all of it. As volumes that it keeps and is to purge: under their number it claims them
 * first, which it refuses of what it has under a higher one, and waits until nothing of them is open.
 */
export async function readLostRemovals(tx: Transaction, hostId: string, uids: string[] | null): Promise<{ volumes: VolumeState[]; snapshots: SnapshotState[] }> {
  const rows = await tx.lostRemoval.findMany({ where: { hostId, host: { lostAt: null }, ...(uids && { uid: { in: uids } }) }, orderBy: { uid: 'asc' } })
  const of = (kind: string) => rows.filter((row) => row.kind === kind)
  return {
    volumes: of('volume').map(({ uid, tenantId, name, storeId, epoch }) => ({ ...forgotten, uid, tenantId, name, storeUid: storeId, hostId, epoch: Number(epoch) })),
    snapshots: of('snapshot').map(({ uid, tenantId, storeId, volumeUid }) => ({ uid, tenantId, volumeUid, storeUid: storeId, groupUid: null, groupSize: 1, freeze: false, phase: 'Deleting', sizeBytes: 0, hidden: false, remains: false })),
  }
}

/** Its host has said that nothing of it is left. Only the gateway calls this. */
export const endLostRemoval = (tx: Transaction, hostId: string, { kind, uid, epoch }: VolumeReport) => tx.lostRemoval.deleteMany({ where: { uid, kind, hostId, epoch: { lte: epoch } } })

export const countLostRemovals = (db: Database, hostId: string): Promise<number> => db.lostRemoval.count({ where: { hostId } })

/** The hosts on whose disks something lies in a store that was removed for good, by name. */
export const hostsWithRemovalsIn = async (db: Database, storeId: string): Promise<string[]> =>
  (await db.host.findMany({ where: { lostRemovals: { some: { storeId } } }, select: { name: true }, orderBy: { name: 'asc' } })).map(({ name }) => name)
