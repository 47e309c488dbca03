import { z } from 'zod'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { VolumeView } from '@/domain/volume/view'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { podInWords, tellAsked } from '@/server/store/volume-events'
import { giveUpAttachment, podNamesOf } from '@/server/store/volume-attachments'
import type { VolumeRow } from '@/server/store/volumes'
import type { ServerContext } from '../context'
import { checkRevision, holdTenant, refusedAt, resourceVersion } from '../networks/object-lists'
import { deletePodInTransaction, podReference } from '../pods/delete-pod'
import { volumeReference, volumeViewOf } from './volume-view'
import { heldVolume } from './volumes'

/**
 * `pod` or, where that is gone, `podUid`: of whom; left out: of the only one that has it. `force`: without the guest's writing out what it holds; a pod whose spec names the
 * volume is deleted with that, without time to end, and another one is where its machine does not give the disk back, so that who forces it has to be allowed to delete pods.
 */
export const detachVolumeInput = volumeReference.extend({ pod: podReference.optional(), podUid: z.uuid().optional(), force: z.boolean().default(false), resourceVersion })

/** Takes a volume from a pod: its guest writes all out and unmounts it first. It waits for nothing: the volume's attachments say how far it is. Said again it changes nothing. */
export function detachVolume(ctx: ServerContext, scope: Scope, input: z.output<typeof detachVolumeInput>): Promise<VolumeView> {
  return inTransaction(ctx.db, async (tx) => {
    await detachInTransaction(tx, scope, input)
    return volumeViewOf(tx, scope, input.name)
  }, { repeatable: true })
}

export async function detachInTransaction(tx: Transaction, scope: Scope, input: z.output<typeof detachVolumeInput>): Promise<void> {
  await holdTenant(tx, scope)
  const row = await heldVolume(tx, scope, input.name)
  const found = await attachmentOf(tx, row, input)
  if (!found.wanted && (found.forced || !input.force)) return
  checkRevision('Volume', row, input.resourceVersion)
  await letGo(tx, scope, row, found, input.force)
}

/** An attachment, with the pod that has it; null: that one is gone. */
export type OfPod = VolumeRow['attachments'][number] & { pod: { namespace: string; name: string } | null }

/** The one that is asked for. */
export async function attachmentOf(tx: Transaction, { name, attachments }: VolumeRow, { pod, podUid }: Pick<z.output<typeof detachVolumeInput>, 'pod' | 'podUid'>): Promise<OfPod> {
  const pods = await podNamesOf(tx, attachments.map((one) => one.podUid))
  const all = attachments.map((one): OfPod => ({ ...one, pod: pods.get(one.podUid) ?? null }))
  const asked = all.filter((one) => (podUid === undefined || one.podUid === podUid) && (pod === undefined || (one.pod?.namespace === pod.namespace && one.pod.name === pod.name)))
  const [found, second] = asked
  if (second) throw refusedAt('pod', `${asked.length} pods have the volume "${name}": name one of them`, 'invalid_input')
  if (found) return found
  throw new DomainError('failed_precondition', pod ? `The pod "${pod.name}" in namespace "${pod.namespace}" does not have the volume "${name}".` : `Nothing has the volume "${name}"${podUid === undefined ? '' : ' by that uid'}.`)
}

/** A pod whose spec names the volume would get it again: it has to go with it. */
async function letGo(tx: Transaction, scope: Scope, row: VolumeRow, { uid, mounts, pod }: OfPod, force: boolean): Promise<void> {
  const { name } = row
  const isNamed = mounts === null && pod !== null
  if (isNamed && !force) throw new DomainError('failed_precondition', `The volume "${name}" stands in the spec of the pod "${pod.name}" in namespace "${pod.namespace}": delete that pod, or force it, which deletes the pod without time to end.`)
  // By force its machine may be ended, too.
  if (pod !== null && force && !scope.allows('pod.delete')) throw notFound('Pod', pod.name)
  await giveUpAttachment(tx, uid, force)
  if (isNamed) await deletePodInTransaction(tx, scope, { ...pod, graceSeconds: 0 })
  await recordAudit(tx, scope, { action: 'volume.detach', kind: 'Volume', name, detail: `from ${pod ? `${pod.namespace}/${pod.name}` : 'a pod that is gone'}${force ? ', by force' : ''}` })
  if (force) await tellAsked(tx, scope, row, 'DetachForced', `takes it from ${podInWords(pod)} by force${isNamed ? ', which deletes that pod' : ''}.`, 'Warning')
  else await tellAsked(tx, scope, row, 'DetachRequested', `takes it from ${podInWords(pod)}.`)
}
