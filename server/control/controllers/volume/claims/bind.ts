import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Labels } from '@/domain/shared/names'
import { formatBytes } from '@/domain/shared/quantity'
import { followClaim } from '@/domain/volume/claim-labels'
import type { VolumeSpec } from '@/domain/volume/spec'
import { bindClaim, findPodOfClaim, findPodOfVolume, holdClaim, holdNamedVolume, holdVolumeOfClaim, removeClaim, setVolumeLabels, type ClaimVolume } from '@/server/store/claim-binding'
import { listStoredConditions, removeClaimCondition, setCondition } from '@/server/store/conditions'
import type { DatabaseClient, Transaction } from '@/server/store/database'
import { recordOwnAudit } from '@/server/store/records'
import { recordEvent } from '@/server/store/reports'
import { sumWaitingUploads } from '@/server/store/volume-uploads'
import { findClassOf, findSourceSnapshot, insertHiddenSnapshot, insertVolume, isVolumeNameTaken, markVolumeDeleted, readVolumeUse, type VolumeQuotas } from '@/server/store/volumes'
import { inBriefTransaction } from '../../external/brief-transaction'
import { isRefusal, planNew, refuseClone, refuseNamed, refuseSnapshot, specFor, type ClaimClass, type Refusal } from './plan'

export type ClaimOptions = { quotas: VolumeQuotas; graceMs: number }
type Claim = NonNullable<Awaited<ReturnType<typeof holdClaim>>>

/** Finds a claim's volume, makes one for it, gives it the claim's labels, says that it grows, or lets the claim go: in one transaction. */
export function reconcileClaim(db: DatabaseClient, uid: string, options: ClaimOptions): Promise<void> {
  return inBriefTransaction(db, async (tx) => {
    const claim = await holdClaim(tx, uid)
    if (!claim) return
    if (claim.volume) await tellGrowth(tx, claim, claim.volume)
    if (claim.deletedAt) return release(tx, claim, options)
    if (claim.volume) await giveLabels(tx, claim.labels, claim.volume)
    if (claim.volume) return tell(tx, claim, { status: 'True', reason: 'Bound', message: `Its volume is "${claim.volume.name}".` })
    const refusal = claim.spec.volumeName === undefined ? await make(tx, claim, options) : await bindNamed(tx, claim, claim.spec.volumeName)
    if (refusal) await tell(tx, claim, { status: 'False', ...refusal })
  }, { repeatable: true })
}

/** Once no pod names it, nor has its volume where that goes with it. What becomes of its volume, the class says. */
async function release(tx: Transaction, claim: Claim, { graceMs }: ClaimOptions): Promise<void> {
  const pod = await findPodOfClaim(tx, claim)
  if (pod !== null) return tell(tx, claim, { status: claim.volume ? 'True' : 'False', reason: 'Deleting', message: `It is deleted, and goes once no pod names it: pod "${pod}" does.` })
  const deletesVolume = claim.volume?.reclaimPolicy === 'Delete'
  // As `volume.delete` refuses: a pod may have it by its own name, and what it writes would have no time in which it could be restored.
  const user = deletesVolume && claim.volume ? await findPodOfVolume(tx, claim.volume.uid) : null
  if (user !== null) return tell(tx, claim, { status: 'True', reason: 'Deleting', message: `It is deleted, and goes once no pod has its volume "${claim.volume?.name ?? ''}": ${user} does.` })
  if (claim.volume && deletesVolume) await markVolumeDeleted(tx, claim, claim.volume.uid, graceMs)
  await removeClaim(tx, claim.uid)
  if (claim.volume && deletesVolume) await recordOwnAudit(tx, { tenantId: claim.tenantId, action: 'volume.delete', kind: 'Volume', name: claim.volume.name, detail: `${formatBytes(Number(claim.volume.sizeBytes))}, with its PersistentVolumeClaim ${claim.namespace}/${claim.name}` })
  if (claim.volume) await recordEvent(tx, { tenantId: claim.tenantId, objectUid: claim.volume.uid, objectKind: 'Volume', objectNamespace: null, objectName: claim.volume.name, type: 'Normal', source: 'volume', reason: 'Released', message: `The PersistentVolumeClaim "${claim.name}" in namespace "${claim.namespace}" is gone: the volume ${deletesVolume ? 'is deleted, and can be restored for a while' : 'stays, as its storage class says'}.` })
}

async function bindNamed(tx: Transaction, claim: Claim, name: string): Promise<Refusal | null> {
  const volume = await holdNamedVolume(tx, claim.tenantId, name)
  const refusal = refuseNamed(claim.uid, claim.spec, volume)
  if (refusal || !volume) return refusal
  await bindClaim(tx, volume.uid, claim.uid)
  await giveLabels(tx, claim.labels, volume)
  return null
}

async function giveLabels(tx: Transaction, ofClaim: Labels, { uid, labels, claimLabels }: ClaimVolume): Promise<void> {
  const given = followClaim({ labels, claimLabels }, ofClaim)
  if (!isDeepStrictEqual(given, { labels, claimLabels })) await setVolumeLabels(tx, uid, given)
}

/** As Kubernetes has it: the condition is there while the volume is smaller than it was asked to be, and gone afterwards. */
async function tellGrowth(tx: Transaction, claim: Claim, { uid, name, sizeBytes, storedSizeBytes }: ClaimVolume): Promise<void> {
  if (storedSizeBytes === null || storedSizeBytes >= sizeBytes) return removeClaimCondition(tx, claim.uid, 'Resizing')
  const [ready] = await listStoredConditions(tx, [uid], ['Ready'])
  const trouble = ready && ready.status !== 'True' ? ready : null
  const message = `Its volume "${name}" has ${formatBytes(Number(storedSizeBytes))}, and grows to ${formatBytes(Number(sizeBytes))}.${trouble ? ` ${trouble.message}` : ''}`
  await setCondition(tx, { objectUid: claim.uid, objectKind: 'VolumeClaim', type: 'Resizing', status: 'True', reason: trouble?.reason ?? 'Growing', message, observedGeneration: claim.generation })
}

async function make(tx: Transaction, claim: Claim, { quotas }: ClaimOptions): Promise<Refusal | null> {
  const found = await findClassOf(tx, claim.spec.storageClassName)
  const { used, limits } = await readVolumeUse(tx, claim, quotas)
  const plan = planNew(claim.uid, claim.spec, found, { used: { ...used, bytes: used.bytes + (await sumWaitingUploads(tx, claim, null)) }, limits })
  if (isRefusal(plan)) return plan
  const source = await sourceOf(tx, claim, plan.class)
  if (isRefusal(source)) return source
  if (await isVolumeNameTaken(tx, claim, plan.name)) return { reason: 'NameTaken', message: `A volume "${plan.name}", which is what this claim's volume is called, is there already: rename or delete it.` }
  const { spec, ...made } = source
  const { uid } = await insertVolume(tx, claim, { name: plan.name, labels: claim.labels, claimLabels: claim.labels, annotations: {}, spec: specFor(claim.spec, plan.class.name, spec), classId: plan.class.uid, storeId: plan.class.storeId, sizeBytes: BigInt(plan.sizeBytes), sourceUploadId: null, ...made })
  await bindClaim(tx, uid, claim.uid)
  return null
}

type Source = { spec: VolumeSpec['source']; sourceSnapshotUid: string | null; sourceBlank: boolean; homeHostId: string | null }
async function sourceOf(tx: Transaction, claim: Claim, found: ClaimClass): Promise<Source | Refusal> {
  const { spec, tenantId, namespace } = claim
  if (!spec.dataSource) return { spec: { kind: 'Blank' }, sourceSnapshotUid: null, sourceBlank: false, homeHostId: null }
  if (spec.dataSource.kind === 'VolumeSnapshot') {
    const snapshot = await findSourceSnapshot(tx, claim, spec.dataSource.name)
    const refusal = refuseSnapshot(spec, found, snapshot)
    return refusal ?? { spec: { kind: 'Snapshot', name: spec.dataSource.name }, sourceSnapshotUid: snapshot?.uid ?? null, sourceBlank: snapshot?.content === 'blank', homeHostId: snapshot?.homeHostId ?? null }
  }
  const volume = await holdVolumeOfClaim(tx, tenantId, namespace, spec.dataSource.name)
  const refusal = refuseClone(spec, found, volume)
  if (refusal) return refusal
  if (!volume) throw new Error(`the claim ${claim.uid} is made of nothing that is there`)
  const snapshot = await insertHiddenSnapshot(tx, claim, volume, `clone-${randomUUID()}`)
  return { spec: { kind: 'Volume', name: volume.name }, sourceSnapshotUid: snapshot.uid, sourceBlank: false, homeHostId: volume.homeHostId }
}

async function tell(tx: Transaction, claim: Claim, said: { status: 'True' | 'False'; reason: string; message: string }): Promise<void> {
  const changed = await setCondition(tx, { objectUid: claim.uid, objectKind: 'VolumeClaim', type: 'Bound', observedGeneration: claim.generation, ...said })
  if (changed && said.status === 'False' && said.reason !== 'SourcePending') await recordEvent(tx, { tenantId: claim.tenantId, objectUid: claim.uid, objectKind: 'PersistentVolumeClaim', objectNamespace: claim.namespace, objectName: claim.name, type: 'Warning', reason: said.reason, message: said.message, source: 'volume' })
}
