import { z } from 'zod'
import { DomainError, notFound } from '@/domain/shared/errors'
import { annotations, dnsSubdomain, labels, type Labels } from '@/domain/shared/names'
import { formatBytes } from '@/domain/shared/quantity'
import { followClaim, type VolumeLabels } from '@/domain/volume/claim-labels'
import { minXfsBytes, sizeBytesOf, volumeLimits, volumeSize } from '@/domain/volume/limits'
import { changedForGood, onFull, tooSmallForXfs, volumeSpec, withClassAsWritten, type VolumeSpec } from '@/domain/volume/spec'
import { volumeView, type VolumeView } from '@/domain/volume/view'
import type { VolumeManifest } from '@/domain/manifest/parse'
import type { Config } from '@/platform/config'
import { storageClassSpec } from '@/domain/storage-class/spec'
import type { Scope } from '@/server/auth/scope'
import { findClaimLabels } from '@/server/store/claim-binding'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { tellAsked } from '@/server/store/volume-events'
import { podsByVolumeName, renameInSchedules } from '@/server/store/volume-renames'
import { sumWaitingUploads } from '@/server/store/volume-uploads'
import { findClassOf, findVolume, holdVolume, insertVolume, isVolumeNameTaken, readVolumeUse, updateVolume, type StoredClass, type VolumeRow } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { checkRevision, holdTenant, nameTaken, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { findSource } from './volume-source'
import { volumeReference, volumeViewOf } from './volume-view'

export const createVolumeInput = volumeReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: volumeSpec, requestId })
/** What is left out stays. `spec` comes as a whole; `size`, `limits` and `onFull` change these alone. `newName`: what it is called from now on. */
export const updateVolumeInput = volumeReference.extend({
  newName: dnsSubdomain.optional(), labels: labels.optional(), annotations: annotations.optional(), spec: volumeSpec.optional(),
  size: volumeSize.optional(), limits: volumeLimits.optional(), onFull: onFull.optional(), resourceVersion,
})

type Settings = Pick<Config, 'volumeQuotas'>

/** Makes a volume: its row. Its bytes are made where its class says, by the volume controller. */
export function createVolume(ctx: ServerContext, scope: Scope, input: z.output<typeof createVolumeInput>): Promise<VolumeView> {
  const { name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'volume.create', input, output: volumeView }, async () => {
    await holdTenant(tx, scope)
    if (await isVolumeNameTaken(tx, scope, name)) throw nameTaken('volume', name)
    await insertNewVolume(tx, ctx.config, scope, { name, labels, annotations, spec })
    return volumeViewOf(tx, scope, name)
  }), { repeatable: true })
}

/** Makes or changes a volume as a manifest says it. The tenant is held. One that is deleted keeps what it was, and another of its name is made. */
export async function applyVolume(tx: Transaction, settings: Settings, scope: Scope, { metadata, spec }: VolumeManifest): Promise<Applied> {
  const { name, labels, annotations } = metadata
  if (!(await isVolumeNameTaken(tx, scope, name))) {
    await insertNewVolume(tx, settings, scope, { name, labels, annotations, spec })
    return 'created'
  }
  const row = await heldVolume(tx, scope, name)
  return (await change(tx, settings, scope, row, { before: volumeSpec.parse(row.spec), spec, name, labels, annotations })) ? 'configured' : 'unchanged'
}

/** The tenant is held, and has no volume of that name. */
export async function insertNewVolume(tx: Transaction, settings: Settings, scope: Scope, { spec, ...metadata }: Pick<z.output<typeof createVolumeInput>, 'name' | 'labels' | 'annotations' | 'spec'>): Promise<void> {
  const found = await classOf(tx, spec)
  const sizeBytes = sizeBytesOf(spec.size)
  await admit(tx, settings, scope, { volumes: 1, bytes: sizeBytes, uploadId: spec.source.kind === 'Upload' ? spec.source.uploadId : null })
  const made = await findSource(tx, scope, { spec, sizeBytes: BigInt(sizeBytes), class: found })
  // A copy has the file system of its source.
  const isCopy = (made.sourceSnapshotUid !== null && !made.sourceBlank) || made.sourceUploadId !== null
  if (!isCopy && spec.volumeMode === 'Filesystem' && (spec.fsType ?? found.spec.fsType) === 'xfs' && sizeBytes < minXfsBytes) throw refusedAt('spec.size', tooSmallForXfs, 'invalid_input')
  await insertVolume(tx, scope, { ...metadata, spec, classId: found.uid, storeId: found.storeId, sizeBytes: BigInt(sizeBytes), ...made })
  await recordAudit(tx, scope, { action: 'volume.create', kind: 'Volume', name: metadata.name, detail: `${spec.size} of ${found.name}${spec.source.kind === 'Blank' ? '' : ` from ${said(spec.source)}`}` })
}

function said(source: VolumeSpec['source']): string {
  if (source.kind === 'Snapshot' || source.kind === 'Volume') return `the ${source.kind.toLowerCase()} ${source.name}`
  return source.kind === 'Image' ? `the image ${source.reference}` : 'an upload'
}

async function classOf(tx: Transaction, { storageClassName }: VolumeSpec): Promise<StoredClass> {
  const found = await findClassOf(tx, storageClassName)
  if (found) return found
  throw refusedAt('spec.storageClassName', storageClassName === undefined ? 'no storage class is the usual one: name a class, or ask an operator for one' : `there is no storage class "${storageClassName}": name another one, or none for the usual one`, 'invalid_input')
}

/** Refuses more volumes and bytes of them than the tenant may have; with its uploads, but for the one that a volume is made of (`uploadId`). */
async function admit(tx: Transaction, { volumeQuotas }: Settings, scope: Scope, more: { volumes: number; bytes: number; uploadId: string | null }): Promise<void> {
  const { used, limits } = await readVolumeUse(tx, scope, volumeQuotas)
  const uploads = more.bytes > 0 ? await sumWaitingUploads(tx, scope, more.uploadId) : 0
  const remedy = 'delete some that are not needed (deleted ones count until they are removed for good), or ask an operator for more'
  if (more.volumes > 0 && used.volumes + more.volumes > limits.volumes) throw new DomainError('failed_precondition', `The tenant has ${used.volumes} volumes, and may have ${limits.volumes}: ${remedy}.`)
  if (more.bytes > 0 && used.bytes + uploads + more.bytes > limits.bytes) throw refusedAt('spec.size', `the tenant's volumes${uploads > 0 ? ', uploads' : ''} and snapshots have ${formatBytes(used.bytes + uploads)}, and may have ${formatBytes(limits.bytes)}, so ${formatBytes(more.bytes)} more do not fit: ${remedy}`)
}

/** Changes a volume's name, labels, size (upwards), limits, and what happens where its store is full. */
export function changeVolume(ctx: ServerContext, scope: Scope, input: z.output<typeof updateVolumeInput>): Promise<VolumeView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await heldVolume(tx, scope, input.name)
    checkRevision('Volume', row, input.resourceVersion)
    if (row.deletedAt) throw new DomainError('failed_precondition', `The volume "${row.name}" is deleted: restore it first.`)
    const name = input.newName ?? row.name
    if (name !== row.name && (await isVolumeNameTaken(tx, scope, name))) throw nameTaken('volume', name)
    const before = volumeSpec.parse(row.spec)
    const { size, limits, onFull } = input
    const wanted = { ...(input.spec ?? before), ...(size === undefined ? {} : { size }), ...(limits === undefined ? {} : { limits }), ...(onFull === undefined ? {} : { onFull }) }
    // Smaller than its file system can be is smaller than it is.
    refuseShrinking(row, wanted.size)
    const spec = volumeSpec.parse(wanted)
    const metadata = toMetadata(row)
    await change(tx, ctx.config, scope, row, { before, spec, name, labels: input.labels ?? metadata.labels, annotations: input.annotations ?? metadata.annotations })
    return volumeViewOf(tx, scope, name)
  }, { repeatable: true })
}

/** The volume as it is now that nobody else changes it. */
export async function heldVolume(tx: Transaction, scope: Scope, name: string, uid?: string): Promise<VolumeRow> {
  const seen = await findVolume(tx, scope, name, uid)
  if (seen) await holdVolume(tx, seen.uid)
  const row = seen && (await findVolume(tx, scope, name, seen.uid))
  if (!row) throw notFound('Volume', name)
  return row
}

/** Lets a volume that is held grow to this size, as its claim asks. */
export async function growVolume(tx: Transaction, settings: Settings, scope: Scope, row: VolumeRow, size: string): Promise<void> {
  const before = volumeSpec.parse(row.spec)
  const { labels, annotations } = toMetadata(row)
  await change(tx, settings, scope, row, { before, spec: { ...before, size }, name: row.name, labels, annotations })
}

type Change = { before: VolumeSpec; spec: VolumeSpec; name: string; labels: Record<string, string>; annotations: Record<string, string> }

/** Writes what differs; false when nothing does. */
async function change(tx: Transaction, settings: Settings, scope: Scope, row: VolumeRow, { before, ...asked }: Change): Promise<boolean> {
  const after = { ...asked, spec: withClassAsWritten(before, asked.spec, row.class.name) }
  const [fixed] = changedForGood(before, after.spec)
  if (fixed) throw refusedAt(`spec.${fixed}`, 'never changes: make a new volume of this one (source Volume), and let pods use that')
  const sizeBytes = await sizeAfter(tx, settings, scope, row, after.spec)
  const specChanged = canonicalJson(before) !== canonicalJson(after.spec)
  const given = await labelsAfter(tx, row, after.labels)
  if (!specChanged && after.name === row.name && canonicalJson([row.labels, row.annotations]) === canonicalJson([given.labels, after.annotations])) return false
  const renamed = after.name === row.name ? [] : [`called ${after.name}`, ...(await followName(tx, scope, row.name, after.name))]
  await updateVolume(tx, scope, row.uid, { ...after, ...given, sizeBytes, specChanged })
  const changes = [...renamed, ...(sizeBytes === row.sizeBytes ? [] : [`${before.size} to ${after.spec.size}`])]
  await recordAudit(tx, scope, { action: 'volume.update', kind: 'Volume', name: row.name, detail: changes.join(', ') })
  await tellChanged(tx, scope, { uid: row.uid, name: after.name }, before, after.spec)
  return true
}

/** What of a change a volume's pods come to feel. */
async function tellChanged(tx: Transaction, scope: Scope, volume: { uid: string; name: string }, before: VolumeSpec, after: VolumeSpec): Promise<void> {
  if (sizeBytesOf(before.size) !== sizeBytesOf(after.size)) await tellAsked(tx, scope, volume, 'GrowRequested', `lets it grow from ${before.size} to ${after.size}.`)
  if (canonicalJson(before.limits) === canonicalJson(after.limits)) return
  const limits = Object.entries(after.limits).map(([limit, value]) => `${limit} ${value}`)
  await tellAsked(tx, scope, volume, 'LimitsSet', limits.length > 0 ? `sets its limits: ${limits.join(', ')}.` : 'takes its own limits away.')
}

/** Labels as they are asked for; those of its claim stay. What it has of a claim that is gone stays as it is, and goes with the next claim where nobody sets it. */
async function labelsAfter(tx: Transaction, { claimUid, ...row }: VolumeRow, asked: Labels): Promise<VolumeLabels> {
  const claimLabels = labels.catch({}).parse(row.claimLabels)
  if (claimUid !== null) return followClaim({ labels: asked, claimLabels }, await findClaimLabels(tx, claimUid))
  return { labels: asked, claimLabels: Object.fromEntries(Object.entries(claimLabels).filter(([key, value]) => asked[key] === value)) }
}

/** Schedules that name the volume go on with it. A pod's spec cannot: it would not find the volume when it is placed. */
async function followName(tx: Transaction, scope: Scope, from: string, to: string): Promise<string[]> {
  const [pod] = await podsByVolumeName(tx, scope, from)
  if (pod) throw refusedAt('newName', `the pod "${pod.name}" in namespace "${pod.namespace}" names the volume "${from}" in its spec: create the pod anew with the volume's uid, or delete it, before the volume is called otherwise`)
  const schedules = await renameInSchedules(tx, scope, from, to)
  return schedules.length > 0 ? [`so in ${schedules.join(', ')}`.slice(0, 300)] : []
}

function refuseShrinking(row: VolumeRow, size: string): void {
  if (BigInt(sizeBytesOf(size)) < row.sizeBytes) throw refusedAt('spec.size', `is ${size}, and the volume has ${formatBytes(Number(row.sizeBytes))}: it cannot shrink, for its file system would lose what is beyond. Make a smaller volume, and copy the files`)
}

/** The size that is asked for, where the volume may grow to it. */
async function sizeAfter(tx: Transaction, settings: Settings, scope: Scope, row: VolumeRow, spec: VolumeSpec): Promise<bigint> {
  const sizeBytes = BigInt(sizeBytesOf(spec.size))
  if (sizeBytes === row.sizeBytes) return sizeBytes
  refuseShrinking(row, spec.size)
  if (spec.accessMode === 'ReadOnlyMany') throw refusedAt('spec.size', 'the volume is ReadOnlyMany, and nobody could write to what it had more: make a larger one of it (source Volume), or let what it was made of grow')
  if (!storageClassSpec.parse(row.class.spec).allowVolumeExpansion) throw refusedAt('spec.size', `volumes of the class "${row.class.name}" do not grow: make a larger volume of this one (source Volume) in another class of its store`)
  if (row.revertTo !== null) throw refusedAt('spec.size', 'the volume is going back to a snapshot: wait until it has')
  await admit(tx, settings, scope, { volumes: 0, bytes: Number(sizeBytes - row.sizeBytes), uploadId: null })
  return sizeBytes
}
