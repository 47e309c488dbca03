import { z } from 'zod'
import type { VolumeSnapshotManifest } from '@/domain/manifest/volume-kinds'
import { DomainError, notFound } from '@/domain/shared/errors'
import { annotations, dnsSubdomain, labels, type Labels } from '@/domain/shared/names'
import { consistencyRefusal, snapshotRefusal, snapshotWords } from '@/domain/volume-snapshot/admission'
import { volumeSnapshotSpec, type VolumeSnapshotSpec } from '@/domain/volume-snapshot/spec'
import { volumeSnapshotView, type VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import type { Config } from '@/platform/config'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { holdVolumes, readSubjects, type Subject } from '@/server/store/snapshot-subjects'
import { findVolumeClaim } from '@/server/store/volume-claims'
import { findNeederOf, findVolumeSnapshot, holdVolumeSnapshot, insertSnapshots, markVolumeSnapshotDeleted, takenSnapshotNames, updateVolumeSnapshot, type VolumeSnapshotRow } from '@/server/store/volume-snapshots'
import { findVolume } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { checkRevision, holdTenant, nameTaken, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { admitSnapshots } from './quota'
import { snapshotReference, snapshotViewOf } from './snapshot-view'

export const createSnapshotInput = snapshotReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: volumeSnapshotSpec, requestId })
/** What is left out stays. What a snapshot is of never changes. */
export const updateSnapshotInput = snapshotReference.extend({ newName: dnsSubdomain.optional(), labels: labels.optional(), annotations: annotations.optional(), resourceVersion })
export const deleteSnapshotInput = snapshotReference.extend({ resourceVersion })

type Settings = Pick<Config, 'volumeQuotas'>
type Named = { name: string; labels: Labels; annotations: Labels; spec: VolumeSnapshotSpec }

/** Asks for a snapshot. Its volume's host takes it; of one that nobody has, the volume controller finds a host that does. */
export function createVolumeSnapshot(ctx: ServerContext, scope: Scope, input: z.output<typeof createSnapshotInput>): Promise<VolumeSnapshotView> {
  const { name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'volumeSnapshot.create', input, output: volumeSnapshotView }, async () => {
    await holdTenant(tx, scope)
    await insertNewSnapshot(tx, ctx.config, scope, { name, labels, annotations, spec })
    return snapshotViewOf(tx, scope, name)
  }), { repeatable: true })
}

/** The tenant is held. */
async function insertNewSnapshot(tx: Transaction, settings: Settings, scope: Scope, { name, labels, annotations, spec }: Named): Promise<void> {
  if ((await takenSnapshotNames(tx, scope, [name])).size > 0) throw nameTaken('snapshot', name)
  await admitSnapshots(tx, settings, scope, 1)
  const subject = await heldSource(tx, scope, spec)
  const inconsistent = consistencyRefusal([subject], spec.consistency)
  if (inconsistent !== null) throw refusedAt('spec.consistency', inconsistent, 'invalid_input')
  await insertSnapshots(tx, [{ tenantId: scope.tenantId, name, labels, annotations, spec, volumeUid: subject.uid, storeId: subject.storeId, homeHostId: subject.homeHostId, sizeBytes: subject.sizeBytes, groupUid: null, scheduleUid: null }])
  await recordAudit(tx, scope, { action: 'volumeSnapshot.create', kind: 'VolumeSnapshot', name, detail: snapshotWords(subject.name, Number(subject.sizeBytes), spec.consistency) })
}

/** The volume that the snapshot is of, held, where one can be taken of it, or of a claim's once it is made. */
async function heldSource(tx: Transaction, scope: Scope, { source }: VolumeSnapshotSpec): Promise<Subject> {
  const ofClaim = source.persistentVolumeClaimName
  const path = ofClaim === undefined ? 'spec.source.volumeName' : 'spec.source.persistentVolumeClaimName'
  const uid = ofClaim === undefined ? (await findVolume(tx, scope, source.volumeName ?? ''))?.uid : await volumeOfClaim(tx, scope, source.namespace ?? 'default', ofClaim)
  if (uid === undefined) throw refusedAt(path, `there is no volume "${source.volumeName ?? ''}": name another one`, 'invalid_input')
  await holdVolumes(tx, [uid])
  const [subject] = await readSubjects(tx, [uid])
  if (!subject) throw refusedAt(path, 'the volume is gone: name another one', 'invalid_input')
  // That of a claim waits until its volume is made, as Kubernetes' does.
  const waits = ofClaim !== undefined && (subject.stored === 'Absent' || subject.stored === 'Creating')
  const refusal = snapshotRefusal(waits ? { ...subject, stored: 'Ready' } : subject)
  if (refusal !== null) throw refusedAt(path, refusal)
  return subject
}

async function volumeOfClaim(tx: Transaction, scope: Scope, namespace: string, name: string): Promise<string> {
  const path = 'spec.source.persistentVolumeClaimName'
  const claim = await findVolumeClaim(tx, scope, namespace, name)
  if (!claim) throw refusedAt(path, `there is no PersistentVolumeClaim "${name}" in namespace "${namespace}": name another one`, 'invalid_input')
  if (!claim.volume) throw refusedAt(path, `the PersistentVolumeClaim "${name}" in namespace "${namespace}" has no volume yet: wait until it is Bound`)
  return claim.volume.uid
}

async function heldSnapshot(tx: Transaction, scope: Scope, name: string): Promise<VolumeSnapshotRow> {
  const seen = await findVolumeSnapshot(tx, scope, name)
  if (seen) await holdVolumeSnapshot(tx, seen.uid)
  const row = seen && (await findVolumeSnapshot(tx, scope, name))
  if (!row) throw notFound('VolumeSnapshot', name)
  return row
}

/** Changes what a snapshot is called, its labels and its annotations. */
export function changeVolumeSnapshot(ctx: ServerContext, scope: Scope, input: z.output<typeof updateSnapshotInput>): Promise<VolumeSnapshotView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await heldSnapshot(tx, scope, input.name)
    checkRevision('VolumeSnapshot', row, input.resourceVersion)
    const metadata = toMetadata(row)
    const name = input.newName ?? row.name
    await change(tx, scope, row, { name, labels: input.labels ?? metadata.labels, annotations: input.annotations ?? metadata.annotations })
    return snapshotViewOf(tx, scope, name)
  }, { repeatable: true })
}

async function change(tx: Transaction, scope: Scope, row: VolumeSnapshotRow, after: { name: string; labels: Labels; annotations: Labels }): Promise<boolean> {
  if (after.name === row.name && canonicalJson([row.labels, row.annotations]) === canonicalJson([after.labels, after.annotations])) return false
  if (row.deletedAt) throw new DomainError('failed_precondition', `The snapshot "${row.name}" is being deleted: it cannot change any more.`)
  if (after.name !== row.name && (await takenSnapshotNames(tx, scope, [after.name])).size > 0) throw nameTaken('snapshot', after.name)
  await updateVolumeSnapshot(tx, scope, row.uid, after)
  await recordAudit(tx, scope, { action: 'volumeSnapshot.update', kind: 'VolumeSnapshot', name: row.name, detail: after.name === row.name ? '' : `called ${after.name}` })
  return true
}

/** Deletes a snapshot for good. Volumes that were made of it keep their bytes; one that is being made, or brought back to it, needs it. */
export function removeVolumeSnapshot(ctx: ServerContext, scope: Scope, { name, resourceVersion }: z.output<typeof deleteSnapshotInput>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteVolumeSnapshotInTransaction(tx, scope, name, resourceVersion), { repeatable: true })
}

export async function deleteVolumeSnapshotInTransaction(tx: Transaction, scope: Scope, name: string, resourceVersion?: string): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  const row = await heldSnapshot(tx, scope, name)
  if (row.deletedAt) return { deleting: true }
  checkRevision('VolumeSnapshot', row, resourceVersion)
  const needer = await findNeederOf(tx, row.uid)
  if (needer) throw new DomainError('failed_precondition', `The snapshot "${name}" cannot be deleted while the volume "${needer.name}" ${needer.reverting ? 'is going back' : 'is being made of it'}: wait until that is done, or delete that volume.`)
  await markVolumeSnapshotDeleted(tx, row.uid)
  await recordAudit(tx, scope, { action: 'volumeSnapshot.delete', kind: 'VolumeSnapshot', name, detail: row.volume ? `of ${row.volume.name}` : '' })
  return { deleting: true }
}

const sourceWords = ({ source }: VolumeSnapshotSpec): string => (source.persistentVolumeClaimName === undefined ? `the volume "${source.volumeName ?? ''}"` : `the PersistentVolumeClaim "${source.persistentVolumeClaimName}" in namespace "${source.namespace ?? 'default'}"`)

/** Applies one of a manifest. The tenant is held. */
export async function applyVolumeSnapshot(tx: Transaction, settings: Settings, scope: Scope, { metadata, spec }: VolumeSnapshotManifest): Promise<Applied> {
  const { name, labels, annotations } = metadata
  if (!(await findVolumeSnapshot(tx, scope, name))) {
    await insertNewSnapshot(tx, settings, scope, { name, labels, annotations, spec })
    return 'created'
  }
  const row = await heldSnapshot(tx, scope, name)
  const before = volumeSnapshotSpec.parse(row.spec)
  if (canonicalJson(before) !== canonicalJson(spec)) throw refusedAt('spec', `of a snapshot never changes, for its bytes do not, and the tenant has a snapshot "${name}" of ${sourceWords(before)}: snapshots lie in no namespace, so give this one another name, or delete the one that is there`)
  return (await change(tx, scope, row, { name, labels, annotations })) ? 'configured' : 'unchanged'
}
