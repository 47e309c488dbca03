import { z } from 'zod'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel, dnsSubdomain } from '@/domain/shared/names'
import { consistency, volumeSnapshotSpec } from '@/domain/volume-snapshot/spec'
import { snapshotPhase, volumeSnapshotView, type VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { countClonesOf, findVolumeSnapshot, loadVolumeSnapshots, type VolumeSnapshotRow } from '@/server/store/volume-snapshots'
import type { ServerContext } from '../context'
import { listObjectsInput, listPage, pageOf } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'

export const snapshotReference = z.object({ name: dnsSubdomain })
/** `volume`, `group`, `schedule`: those of one volume (of the one that was deleted last where none has the name), of one instant, of one schedule. `phase`: those in one of these. */
export const listSnapshotsInput = listObjectsInput.omit({ network: true }).extend({ volume: dnsSubdomain.optional(), group: z.uuid().optional(), schedule: dnsLabel.optional(), phase: z.array(snapshotPhase).max(snapshotPhase.options.length).optional() })
export const listSnapshotsOutput = pageOf(volumeSnapshotView)

const takenAs = consistency.nullable().catch(null)

function toStatus(row: VolumeSnapshotRow, clones: number): Omit<VolumeSnapshotView['status'], 'conditions'> {
  return {
    phase: row.deletedAt ? 'Deleting' : snapshotPhase.parse(row.phase),
    reason: row.reason,
    message: row.message,
    volume: row.volume && { uid: row.volume.uid, name: row.volume.name },
    group: row.groupUid,
    schedule: row.schedule?.name ?? null,
    consistency: takenAs.parse(row.consistency),
    sizeBytes: Number(row.sizeBytes),
    storedBytes: row.storedBytes === null ? null : Number(row.storedBytes),
    takenAt: row.takenAt?.toISOString() ?? null,
    stallMs: row.stallMs,
    clones,
  }
}

/** Stored snapshots as the API shows them. */
export async function toSnapshotViews(db: Database, rows: readonly VolumeSnapshotRow[]): Promise<VolumeSnapshotView[]> {
  const uids = rows.map(({ uid }) => uid)
  const conditions = await listConditions(db, uids)
  const clones = await countClonesOf(db, uids)
  return rows.map((row) => ({ metadata: toMetadata(row), spec: volumeSnapshotSpec.parse(row.spec), status: { ...toStatus(row, clones.get(row.uid) ?? 0), conditions: conditions.filter(({ objectUid }) => objectUid === row.uid).map(toCondition) } }))
}

export async function listVolumeSnapshots(ctx: ServerContext, scope: Scope, { volume, group, schedule, phase, ...input }: z.output<typeof listSnapshotsInput>): Promise<z.output<typeof listSnapshotsOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'VolumeSnapshot', { ...input, phases: phase, snapshots: { volume, group, schedule } })
  return { ...page, items: await toSnapshotViews(ctx.db, await loadVolumeSnapshots(ctx.db, scope, uids)) }
}

export const getVolumeSnapshot = (ctx: ServerContext, scope: Scope, { name }: z.output<typeof snapshotReference>): Promise<VolumeSnapshotView> => snapshotViewOf(ctx.db, scope, name)

export async function snapshotViewOf(db: Database, scope: Scope, name: string): Promise<VolumeSnapshotView> {
  const row = await findVolumeSnapshot(db, scope, name)
  const [view] = row ? await toSnapshotViews(db, [row]) : []
  if (!view) throw notFound('VolumeSnapshot', name)
  return view
}
