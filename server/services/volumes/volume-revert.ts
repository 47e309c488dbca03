import { z } from 'zod'
import { DomainError, notFound } from '@/domain/shared/errors'
import { dnsSubdomain } from '@/domain/shared/names'
import { formatBytes } from '@/domain/shared/quantity'
import { snapshotRefusal } from '@/domain/volume-snapshot/admission'
import type { VolumeView } from '@/domain/volume/view'
import type { Config } from '@/platform/config'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { readSubjects } from '@/server/store/snapshot-subjects'
import { findVolumeSnapshot, insertSnapshots, isSnapshotUnderWay, markVolumeReverting, snapshotsSince, takenSnapshotNames, unmarkVolumeReverting, type VolumeSnapshotRow } from '@/server/store/volume-snapshots'
import { tellAsked } from '@/server/store/volume-events'
import { podNamesOf } from '@/server/store/volume-attachments'
import { findVolume, type VolumeRow } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { checkRevision, holdTenant, refusedAt, resourceVersion } from '../networks/object-lists'
import { admitSnapshots } from '../volume-snapshots/quota'
import { volumeReference, volumeViewOf } from './volume-view'
import { heldVolume } from './volumes'

/** `keepCurrent`: a snapshot of what the volume has now is taken first, and without that it does not go back. */
export const revertVolumeInput = volumeReference.extend({ snapshot: dnsSubdomain, keepCurrent: z.boolean().default(true), resourceVersion })
export const previewRevertInput = volumeReference.extend({ snapshot: dnsSubdomain })
/** `problem`: why it cannot be done now; null: it can. `lostSince`: what was written since then is gone, but for what a snapshot has. `stays`: newer snapshots, which stay. `sizeBytes`: as the snapshot has it; `storedBytes`: what the volume takes now. */
export const previewRevertOutput = z.object({ problem: z.string().nullable(), lostSince: z.string().nullable(), stays: z.array(z.string()), sizeBytes: z.number(), storedBytes: z.number().nullable() })

/** Lets a volume go back to a snapshot of its own. No pod may have it, and none gets it before that is done. */
export function revertVolume(ctx: ServerContext, scope: Scope, input: z.output<typeof revertVolumeInput>): Promise<VolumeView> {
  return inTransaction(ctx.db, async (tx) => {
    await revertInTransaction(tx, ctx.config, scope, input)
    return volumeViewOf(tx, scope, input.name)
  }, { repeatable: true })
}

/** The same within a transaction. `uid`: that one of those that have had the name. */
export async function revertInTransaction(tx: Transaction, settings: Pick<Config, 'volumeQuotas'>, scope: Scope, { name, uid, snapshot, keepCurrent, resourceVersion }: z.output<typeof revertVolumeInput> & { uid?: string }): Promise<void> {
  await holdTenant(tx, scope)
  const row = await heldVolume(tx, scope, name, uid)
  const to = await findVolumeSnapshot(tx, scope, snapshot)
  if (to && row.revertTo === to.uid) return
  checkRevision('Volume', row, resourceVersion)
  const refusal = (await volumeRefusal(tx, row)) ?? null
  if (refusal !== null) throw new DomainError('failed_precondition', refusal)
  const problem = snapshotProblem(row, to, snapshot)
  if (!to || problem !== null) throw refusedAt('snapshot', problem ?? '', to ? 'failed_precondition' : 'invalid_input')
  const kept = keepCurrent ? await keepWhatIsThere(tx, settings, scope, row) : null
  await markVolumeReverting(tx, row.uid, to.uid, kept?.uid ?? null)
  await recordAudit(tx, scope, { action: 'volume.revert', kind: 'Volume', name, detail: `to ${snapshot}${kept ? `, keeps what it had in ${kept.name}` : ''}` })
  await tellAsked(tx, scope, row, 'RevertRequested', `lets it go back to its snapshot "${snapshot}"${kept ? `; what it has now is kept first, in "${kept.name}"` : ', and what was written since is not kept'}.`)
}

/** Calls going back off, as long as what the volume has now is still being kept. That snapshot stays, as any other one. */
export function cancelRevert(ctx: ServerContext, scope: Scope, { name }: z.output<typeof volumeReference>): Promise<VolumeView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await heldVolume(tx, scope, name)
    if (!(await unmarkVolumeReverting(tx, row.uid))) throw new DomainError('failed_precondition', row.revertTo === null ? `The volume "${name}" is not going back to a snapshot.` : `The volume "${name}" is being taken back already, which cannot be called off: wait until it is, and revert it to the snapshot of what it had before where there is one.`)
    await recordAudit(tx, scope, { action: 'volume.cancelRevert', kind: 'Volume', name })
    await tellAsked(tx, scope, row, 'RevertCancelled', 'lets it stay as it is, and go back to no snapshot.')
    return volumeViewOf(tx, scope, name)
  }, { repeatable: true })
}

/** Why nothing of the volume can go back now, as a sentence; null: it can. */
async function volumeRefusal(tx: Transaction, row: VolumeRow): Promise<string | null> {
  const the = `The volume "${row.name}"`
  if (row.deletedAt) return `${the} is deleted: restore it first.`
  if (row.attachments.length > 0) return `${the} cannot go back to a snapshot while ${await userOf(tx, row)} has it or waits for it: delete that pod or detach the volume, or make a new volume of the snapshot.`
  if (row.revertTo !== null) return `${the} is going back to a snapshot already: wait until it has.`
  if (row.storedPhase !== 'Ready') return `${the} is not made yet, or could not be: there is nothing that could go back.`
  if (row.storedSizeBytes !== null && row.storedSizeBytes < row.sizeBytes) return `${the} is growing: wait until it has.`
  if (await isSnapshotUnderWay(tx, row.uid)) return `A snapshot of the volume "${row.name}" is being taken: wait until it is.`
  const [subject] = await readSubjects(tx, [row.uid])
  return subject?.hostLost ? `The host that has the volume "${row.name}" has not been heard of: revert it once that host is back.` : null
}

async function userOf(tx: Transaction, { attachments }: VolumeRow): Promise<string> {
  const [pod] = (await podNamesOf(tx, attachments.map(({ podUid }) => podUid))).values()
  return pod ? `the pod "${pod.name}" in namespace "${pod.namespace}"` : 'a pod that is gone and whose host has not let go yet'
}

function snapshotProblem(row: VolumeRow, to: VolumeSnapshotRow | null, name: string): string | null {
  if (!to) return `there is no snapshot "${name}": name another one`
  if (to.volumeUid !== row.uid) return `the snapshot "${name}" is one of another volume: make a new volume of it instead`
  if (to.deletedAt) return `the snapshot "${name}" is being deleted: name another one`
  if (to.phase !== 'Ready') return to.phase === 'Failed' ? `the snapshot "${name}" could not be taken: name another one` : `the snapshot "${name}" is not taken yet: wait until it is Ready`
  return null
}

/** Asks for a snapshot of what the volume has now. It is held. */
async function keepWhatIsThere(tx: Transaction, settings: Pick<Config, 'volumeQuotas'>, scope: Scope, row: VolumeRow): Promise<{ uid: string; name: string }> {
  await admitSnapshots(tx, settings, scope, 1)
  const [subject] = await readSubjects(tx, [row.uid])
  const refusal = subject ? snapshotRefusal(subject) : 'it is gone'
  if (!subject || refusal !== null) throw refusedAt('keepCurrent', `no snapshot of what it has now can be taken: ${refusal ?? ''}. Or revert without one`)
  const name = `${row.name.slice(0, 200).replace(/[^a-z0-9]+$/, '')}-before-revert-${stamp(new Date())}`
  if ((await takenSnapshotNames(tx, scope, [name])).size > 0) throw new DomainError('conflict', `A snapshot "${name}" is there already: try again in a moment.`)
  const [made] = await insertSnapshots(tx, [{ tenantId: scope.tenantId, name, labels: {}, annotations: {}, spec: { source: { volumeName: row.name }, consistency: 'CrashConsistent' }, volumeUid: row.uid, storeId: subject.storeId, homeHostId: subject.homeHostId, sizeBytes: subject.sizeBytes, groupUid: null, scheduleUid: null }])
  await recordAudit(tx, scope, { action: 'volumeSnapshot.create', kind: 'VolumeSnapshot', name, detail: `of ${row.name}, ${formatBytes(Number(row.sizeBytes))}, before it goes back` })
  if (!made) throw new Error(`the snapshot ${name} was not made`)
  return made
}

/** `20261126t095500z`: as a part of a name. */
const stamp = (at: Date): string => at.toISOString().replace(/\.\d+|[-:]/g, '').toLowerCase()

/** What going back would mean. Nothing is written. */
export function previewRevert(ctx: ServerContext, scope: Scope, { name, snapshot }: z.output<typeof previewRevertInput>): Promise<z.output<typeof previewRevertOutput>> {
  return inTransaction(ctx.db, async (tx) => {
    const row = await findVolume(tx, scope, name)
    if (!row) throw notFound('Volume', name)
    const to = await findVolumeSnapshot(tx, scope, snapshot)
    const problem = (await volumeRefusal(tx, row)) ?? snapshotProblem(row, to, snapshot)
    const takenAt = to?.takenAt ?? null
    return { problem, lostSince: takenAt?.toISOString() ?? null, stays: takenAt ? await snapshotsSince(tx, row.uid, takenAt) : [], sizeBytes: Number((to ?? row).sizeBytes), storedBytes: row.storedBytes === null ? null : Number(row.storedBytes) }
  })
}
