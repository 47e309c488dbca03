import type { z } from 'zod'
import { notFound } from '@/domain/shared/errors'
import { formatBytes } from '@/domain/shared/quantity'
import type { VolumeConsequence, VolumePreview } from '@/domain/volume/preview'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import { findVolumeSnapshot, readSnapshotDependents, type VolumeSnapshotRow } from '@/server/store/volume-snapshots'
import type { ServerContext } from '../context'
import { listed, many, said, tried } from '../volumes/tried'
import type { snapshotReference } from './snapshot-view'
import { deleteVolumeSnapshotInTransaction } from './volume-snapshots'

/** What would follow from a snapshot's deletion, and why it would be refused. */
export async function previewSnapshotDeletion(ctx: ServerContext, scope: Scope, { name }: z.output<typeof snapshotReference>): Promise<VolumePreview> {
  const row = await findVolumeSnapshot(ctx.db, scope, name)
  if (!row) throw notFound('VolumeSnapshot', name)
  return tried(ctx, { resourceVersion: String(row.revision), consequences: (tx) => consequencesOf(tx, scope, row), attempt: (tx) => deleteVolumeSnapshotInTransaction(tx, scope, name) })
}

async function consequencesOf(tx: Transaction, scope: Scope, row: VolumeSnapshotRow): Promise<VolumeConsequence[]> {
  const { volumes, claims, group, others } = await readSnapshotDependents(tx, scope, row)
  const isTaken = row.phase === 'Ready'
  return [
    ...(isTaken ? ofItsVolume(row, others) : [said('Nothing was kept in it.')]),
    ...(volumes.length > 0 ? [said(`${many(volumes.length, 'volume')} made of it ${volumes.length === 1 ? 'keeps all that it has' : 'keep all that they have'}: ${listed(volumes)}.`)] : []),
    ...(claims.length > 0 ? [said(`${many(claims.length, 'claim')} that ${claims.length === 1 ? 'waits' : 'wait'} for a volume made of it ${claims.length === 1 ? 'gets' : 'get'} none: ${listed(claims)}.`, true)] : []),
    ...(group.length > 0 ? [said(`${many(group.length, 'snapshot')} of the same instant ${group.length === 1 ? 'stays' : 'stay'}: ${listed(group)}.`)] : []),
    ...(isTaken ? [said(`${formatBytes(Number(row.storedBytes ?? 0n))} of the quota become free, and in the store what of them no volume and no other snapshot has.`)] : []),
    ...(isTaken ? [said('It cannot be restored.', true)] : []),
  ]
}

function ofItsVolume({ volume }: VolumeSnapshotRow, others: readonly string[]): VolumeConsequence[] {
  if (!volume) return [said('Its volume is gone: what this snapshot holds is the last of it.', true)]
  const left = others.length === 0 ? 'it is its only snapshot' : `${many(others.length, 'other snapshot')} of it ${others.length === 1 ? 'stays' : 'stay'}`
  return [said(`The volume "${volume.name}" ${volume.deletedAt ? 'is deleted, and' : 'stays as it is, and'} cannot go back to this moment any more; ${left}.`, others.length === 0)]
}
