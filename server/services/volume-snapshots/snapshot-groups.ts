import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { podName } from '@/domain/pod/manifest'
import { DomainError, notFound } from '@/domain/shared/errors'
import { annotations, dnsLabel, dnsSubdomain, labels } from '@/domain/shared/names'
import { comingRefusal, consistencyRefusal, groupNames, snapshotRefusal } from '@/domain/volume-snapshot/admission'
import { consistency } from '@/domain/volume-snapshot/spec'
import { volumeSnapshotView } from '@/domain/volume-snapshot/view'
import { maxSnapshotGroup } from '@/domain/volume/limits'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { findPod } from '@/server/store/pods'
import { recordAudits } from '@/server/store/records'
import { holdVolumes, readSubjects, type Subject } from '@/server/store/snapshot-subjects'
import { comingVolumesOfPod, insertSnapshots, loadVolumeSnapshots, takenSnapshotNames, volumesOfPod } from '@/server/store/volume-snapshots'
import type { ServerContext } from '../context'
import { once } from '../idempotency'
import { holdTenant, nameTaken, refusedAt, requestId } from '../networks/object-lists'
import { admitSnapshots } from './quota'
import { toSnapshotViews } from './snapshot-view'

/** `name`: of the group; each snapshot is called by it and its volume's name. `volumes`: some of the pod's; left out: all that it has. */
export const createSnapshotGroupInput = z.object({
  name: dnsSubdomain, pod: z.object({ namespace: dnsLabel.default('default'), name: podName }), volumes: z.array(dnsSubdomain).min(1, 'must name a volume').max(maxSnapshotGroup).optional(),
  consistency: consistency.default('CrashConsistent'), labels: labels.default({}), annotations: annotations.default({}), requestId,
})
export const createSnapshotGroupOutput = z.object({ group: z.string(), items: z.array(volumeSnapshotView) })
type Input = z.output<typeof createSnapshotGroupInput>

/** Asks for snapshots of a pod's volumes that are all of one instant: all of them are taken, or none. */
export function createSnapshotGroup(ctx: ServerContext, scope: Scope, input: Input): Promise<z.output<typeof createSnapshotGroupOutput>> {
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId: input.requestId, procedure: 'volumeSnapshot.createGroup', input, output: createSnapshotGroupOutput }, async () => {
    await holdTenant(tx, scope)
    const subjects = await heldSubjects(tx, scope, input)
    const names = groupNames(input.name, subjects.map(({ name }) => name))
    const [taken] = await takenSnapshotNames(tx, scope, names)
    if (taken !== undefined) throw nameTaken('snapshot', taken)
    await admitSnapshots(tx, ctx.config, scope, subjects.length)
    const group = randomUUID()
    const { consistency, labels, annotations } = input
    const made = await insertSnapshots(tx, subjects.map(({ uid, name, storeId, homeHostId, sizeBytes }, i) => ({ tenantId: scope.tenantId, name: names[i] ?? '', labels, annotations, spec: { source: { volumeName: name }, consistency }, volumeUid: uid, storeId, homeHostId, sizeBytes, groupUid: group, scheduleUid: null })))
    await recordAudits(tx, scope, subjects.map(({ name }, i) => ({ action: 'volumeSnapshot.create', kind: 'VolumeSnapshot', name: names[i] ?? '', detail: `of ${name}, with ${subjects.length - 1} of the same instant` })))
    return { group, items: await toSnapshotViews(tx, await loadVolumeSnapshots(tx, scope, made.map(({ uid }) => uid))) }
  }), { repeatable: true })
}

/** The pod's volumes, held, where a snapshot of each can be taken. */
async function heldSubjects(tx: Transaction, scope: Scope, { pod: reference, volumes, consistency }: Input): Promise<Subject[]> {
  const pod = await findPod(tx, scope, reference.namespace, reference.name)
  if (!pod) throw notFound('Pod', reference.name)
  const seen = await volumesOfPod(tx, scope, pod.uid)
  await holdVolumes(tx, seen.map(({ uid }) => uid))
  const has = await volumesOfPod(tx, scope, pod.uid)
  for (const [i, name] of (volumes ?? []).entries()) if (!has.some((one) => one.name === name)) throw refusedAt(`volumes.${i}`, `the pod "${pod.name}" in namespace "${pod.namespace}" does not have the volume "${name}" now: leave it out, or wait until it is attached`)
  const coming = volumes ? null : comingRefusal(await comingVolumesOfPod(tx, scope, pod.uid))
  if (coming !== null) throw new DomainError('failed_precondition', `No snapshot of all that the pod "${pod.name}" has can be taken: ${coming}, or name the volumes that are meant.`)
  const asked = has.filter(({ name }) => volumes?.includes(name) ?? true)
  if (asked.length === 0) throw new DomainError('failed_precondition', `The pod "${pod.name}" in namespace "${pod.namespace}" has no volume now: attach one, or wait until those that it names are attached.`)
  const subjects = await readSubjects(tx, asked.map(({ uid }) => uid))
  for (const subject of subjects) {
    const refusal = snapshotRefusal(subject)
    if (refusal !== null) throw new DomainError('failed_precondition', `No snapshot of the volumes of the pod "${pod.name}" can be taken: ${refusal}.`)
  }
  const inconsistent = consistencyRefusal(subjects, consistency)
  if (inconsistent !== null) throw refusedAt('consistency', inconsistent, 'invalid_input')
  return subjects
}
