import { z } from 'zod'
import { DomainError, notFound } from '@/domain/shared/errors'
import { annotations, dnsLabel, dnsSubdomain, labels, type Labels } from '@/domain/shared/names'
import { bytesQuantity, formatBytes } from '@/domain/shared/quantity'
import { claimedBytes, claimedSize, volumeClaimSpec, type VolumeClaimSpec } from '@/domain/volume-claim/spec'
import { claimState, volumeClaimView, type VolumeClaimView } from '@/domain/volume-claim/view'
import type { VolumeClaimManifest } from '@/domain/manifest/parse'
import type { Config } from '@/platform/config'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import { holdNamespace } from '@/server/store/configuration-objects'
import { inTransaction, type Database, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { findVolumeClaim, insertVolumeClaim, loadVolumeClaims, markVolumeClaimDeleted, podsOfClaims, updateVolumeClaim, type VolumeClaimRow } from '@/server/store/volume-claims'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { admitOneMore, checkRevision, holdTenant, listNamespacedInput, listPage, nameTaken, pageOf, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'
import { growVolume, heldVolume } from '../volumes/volumes'

export const volumeClaimReference = z.object({ namespace: dnsLabel.default('default'), name: dnsSubdomain })
export const createVolumeClaimInput = volumeClaimReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: volumeClaimSpec, requestId })
/** What is left out stays; `spec` comes as a whole, and differs in `resources.requests.storage` alone. */
export const updateVolumeClaimInput = volumeClaimReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: volumeClaimSpec.optional(), resourceVersion })
/** `phase`: those in one of these, or that are being deleted. */
export const listVolumeClaimsInput = listNamespacedInput.omit({ network: true }).extend({ phase: z.array(claimState).max(claimState.options.length).optional() })
export const listVolumeClaimsOutput = pageOf(volumeClaimView)

function capacityOf({ volume }: VolumeClaimRow): Pick<VolumeClaimView['status'], 'capacity' | 'capacityBytes'> {
  if (!volume || volume.storedSizeBytes === null) return { capacityBytes: null }
  const capacityBytes = Number(volume.storedSizeBytes)
  return { capacity: { storage: bytesQuantity(capacityBytes) }, capacityBytes }
}

async function toViews(db: Database, scope: Scope, rows: readonly VolumeClaimRow[]): Promise<VolumeClaimView[]> {
  const conditions = await listConditions(db, rows.map(({ uid }) => uid))
  const pods = await podsOfClaims(db, scope, rows)
  return rows.map((row) => ({
    metadata: { ...toMetadata(row), namespace: row.namespace },
    spec: volumeClaimSpec.parse(row.spec),
    status: {
      phase: row.volume ? 'Bound' : 'Pending',
      volume: row.volume?.name ?? null,
      ...capacityOf(row),
      storageClass: row.volume?.class.name ?? null,
      usedBy: pods.get(`${row.namespace}/${row.name}`) ?? [],
      conditions: conditions.filter(({ objectUid }) => objectUid === row.uid).map(toCondition),
    },
  }))
}

export async function listVolumeClaims(ctx: ServerContext, scope: Scope, { phase, ...input }: z.output<typeof listVolumeClaimsInput>): Promise<z.output<typeof listVolumeClaimsOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'VolumeClaim', { ...input, phases: phase })
  return { ...page, items: await toViews(ctx.db, scope, await loadVolumeClaims(ctx.db, scope, uids)) }
}

export const getVolumeClaim = (ctx: ServerContext, scope: Scope, reference: z.output<typeof volumeClaimReference>): Promise<VolumeClaimView> => viewOf(ctx.db, scope, reference)

async function viewOf(db: Database, scope: Scope, { namespace, name }: z.output<typeof volumeClaimReference>): Promise<VolumeClaimView> {
  const row = await findVolumeClaim(db, scope, namespace, name)
  const [view] = row ? await toViews(db, scope, [row]) : []
  if (!view) throw notFound('PersistentVolumeClaim', name)
  return view
}

/** Makes a claim. The volume controller finds its volume, or makes one; a class that is missing is said by a condition then, as in Kubernetes. */
export function createVolumeClaim(ctx: ServerContext, scope: Scope, input: z.output<typeof createVolumeClaimInput>): Promise<VolumeClaimView> {
  const { namespace, name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'volumeClaim.create', input, output: volumeClaimView }, async () => {
    await holdTenant(tx, scope)
    if (await findVolumeClaim(tx, scope, namespace, name)) throw nameTaken('PersistentVolumeClaim', name, namespace)
    await insertNewClaim(tx, scope, { namespace, name, labels, annotations, spec })
    return viewOf(tx, scope, input)
  }), { repeatable: true })
}

/** The tenant is held. */
async function insertNewClaim(tx: Transaction, scope: Scope, claim: Parameters<typeof insertVolumeClaim>[2]): Promise<void> {
  const { namespace, name, spec } = claim
  await admitInNamespace(tx, scope, namespace)
  await admitOneMore(tx, scope, 'VolumeClaim')
  await insertVolumeClaim(tx, scope, claim)
  await recordAudit(tx, scope, { action: 'volumeClaim.create', kind: 'PersistentVolumeClaim', namespace, name, detail: spec.resources.requests.storage })
}

/** Makes or changes a claim as a manifest says it. The tenant is held. */
export async function applyVolumeClaim(tx: Transaction, settings: Pick<Config, 'volumeQuotas'>, scope: Scope, { metadata, spec }: VolumeClaimManifest): Promise<Applied> {
  const { namespace, name, labels, annotations } = metadata
  const existing = await findVolumeClaim(tx, scope, namespace, name)
  if (existing) return (await change(tx, settings, scope, existing, { labels, annotations, spec })) ? 'configured' : 'unchanged'
  await insertNewClaim(tx, scope, { namespace, name, labels, annotations, spec })
  return 'created'
}

async function admitInNamespace(tx: Transaction, scope: Scope, namespace: string): Promise<void> {
  const held = await holdNamespace(tx, scope, namespace)
  if (!held) throw new DomainError('not_found', `Namespace "${namespace}" does not exist here: create it first.`, { problems: [{ path: 'metadata.namespace', line: null, message: `"${namespace}" does not exist: create the namespace first` }] })
  if (held.deletedAt) throw new DomainError('failed_precondition', `Namespace "${namespace}" is being deleted: create the claim in another one.`)
}

/** Changes a claim's labels, and lets it and its volume grow. */
export function changeVolumeClaim(ctx: ServerContext, scope: Scope, input: z.output<typeof updateVolumeClaimInput>): Promise<VolumeClaimView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findVolumeClaim(tx, scope, input.namespace, input.name)
    if (!row) throw notFound('PersistentVolumeClaim', input.name)
    checkRevision('PersistentVolumeClaim', row, input.resourceVersion)
    const metadata = toMetadata(row)
    await change(tx, ctx.config, scope, row, { labels: input.labels ?? metadata.labels, annotations: input.annotations ?? metadata.annotations, spec: input.spec ?? volumeClaimSpec.parse(row.spec) })
    return viewOf(tx, scope, input)
  }, { repeatable: true })
}

/** Writes what differs; false when nothing does. */
async function change(tx: Transaction, settings: Pick<Config, 'volumeQuotas'>, scope: Scope, row: VolumeClaimRow, asked: { labels: Labels; annotations: Labels; spec: VolumeClaimSpec }): Promise<boolean> {
  const before = volumeClaimSpec.parse(row.spec)
  const after = { ...asked, spec: asWritten(before, asked.spec, row.volume) }
  const specChanged = canonicalJson(before) !== canonicalJson(after.spec)
  if (!specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([after.labels, after.annotations])) return false
  if (row.deletedAt) throw new DomainError('failed_precondition', `The PersistentVolumeClaim "${row.name}" is being deleted, and goes once no pod names it: create one of another name.`)
  refuseOther(before, after.spec, row.volume !== null)
  await grow(tx, settings, scope, row, before, after.spec)
  await updateVolumeClaim(tx, scope, row.uid, { ...after, specChanged })
  const sizes = [before, after.spec].map(({ resources }) => resources.requests.storage)
  await recordAudit(tx, scope, { action: 'volumeClaim.update', kind: 'PersistentVolumeClaim', namespace: row.namespace, name: row.name, detail: sizes[0] === sizes[1] ? '' : sizes.join(' to ') })
  return true
}

/** The spec as it was written before, where the new one means the same: class and volume that are left out are those that the claim has. Kubernetes writes both into the spec of a bound claim. */
function asWritten(before: VolumeClaimSpec, { storageClassName, volumeName, ...after }: VolumeClaimSpec, volume: VolumeClaimRow['volume']): VolumeClaimSpec {
  const className = (storageClassName ?? volume?.class.name) === (before.storageClassName ?? volume?.class.name) ? before.storageClassName : storageClassName
  const name = (volumeName ?? volume?.name) === (before.volumeName ?? volume?.name) ? before.volumeName : volumeName
  return { ...after, ...(className === undefined ? {} : { storageClassName: className }), ...(name === undefined ? {} : { volumeName: name }) }
}

/** As in Kubernetes a claim is for good, but for its size, and its class while it has named none and has no volume. */
function refuseOther(before: VolumeClaimSpec, after: VolumeClaimSpec, hasVolume: boolean): void {
  for (const field of ['accessModes', 'volumeMode', 'storageClassName', 'volumeName', 'dataSource'] as const) {
    if (field === 'storageClassName' && !hasVolume && before.storageClassName === undefined && after.storageClassName !== '') continue
    if (canonicalJson(before[field] ?? null) !== canonicalJson(after[field] ?? null)) throw refusedAt(`spec.${field}`, 'never changes: create another claim, and name it in the pods')
  }
}

async function grow(tx: Transaction, settings: Pick<Config, 'volumeQuotas'>, scope: Scope, { volume }: VolumeClaimRow, before: VolumeClaimSpec, after: VolumeClaimSpec): Promise<void> {
  const [was, becomes] = [claimedBytes(before), claimedBytes(after)]
  if (was === becomes) return
  if (becomes < was) throw refusedAt('spec.resources.requests.storage', `is ${after.resources.requests.storage}, and the claim asked for ${formatBytes(was)}: it cannot shrink, for the file system would lose what is beyond`)
  if (!volume || becomes <= Number(volume.sizeBytes)) return
  await growVolume(tx, settings, scope, await heldVolume(tx, scope, volume.name, volume.uid), claimedSize(after)).catch((error: unknown) => {
    throw error instanceof DomainError && error.problems.length > 0 ? refusedAt('spec.resources.requests.storage', error.problems.map(({ message }) => message).join('; ')) : error
  })
}

/** Gives a claim up. It goes once no pod names it; what becomes of its volume, its class says. */
export function removeVolumeClaim(ctx: ServerContext, scope: Scope, reference: z.output<typeof volumeClaimReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteVolumeClaimInTransaction(tx, scope, reference), { repeatable: true })
}

export async function deleteVolumeClaimInTransaction(tx: Transaction, scope: Scope, { namespace, name }: z.output<typeof volumeClaimReference>): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  const row = await findVolumeClaim(tx, scope, namespace, name)
  if (!row) throw notFound('PersistentVolumeClaim', name)
  if (row.deletedAt) return { deleting: true }
  await markVolumeClaimDeleted(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'volumeClaim.delete', kind: 'PersistentVolumeClaim', namespace, name, detail: row.volume?.name ?? '' })
  return { deleting: true }
}
