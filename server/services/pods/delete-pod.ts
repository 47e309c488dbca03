import { z } from 'zod'
import { podName } from '@/domain/pod/manifest'
import { podSpec } from '@/domain/pod/spec'
import { DomainError, notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { holdPods } from '@/server/store/pod-deletion'
import { findPod, markPodDeleted, markPodForced } from '@/server/store/pods'
import { discardSuccessor } from '@/server/store/pod-successors'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'

export const podReference = z.object({ namespace: dnsLabel.default('default'), name: podName })
/** `force`: without its host's word, where that host is silent: the pod may still run there until the host is heard of again. */
export const deletePodInput = podReference.extend({ graceSeconds: z.number().int().min(0).max(3600).optional(), force: z.boolean().optional() })

/** Sets the deletion time: the host tears down, the controller releases the address, the row goes last. */
export function deletePod(ctx: ServerContext, scope: Scope, input: z.output<typeof deletePodInput>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deletePodInTransaction(tx, scope, input), { repeatable: true })
}

export async function deletePodInTransaction(tx: Transaction, scope: Scope, input: z.output<typeof deletePodInput>): Promise<{ deleting: true }> {
  // Held before it is read: the controller may be about to put its successor in its place.
  const [held] = await holdPods(tx, scope, [input])
  const pod = held && (await findPod(tx, scope, input.namespace, input.name))
  if (!pod) throw notFound('Pod', input.name)
  if (input.force && pod.host && pod.host.phase !== 'Unknown') throw new DomainError('failed_precondition', `Host "${pod.host.name}" is heard of, and ends the pod "${input.name}" itself: delete it without force, with graceSeconds 0 where it shall not wait.`)
  // Who deletes a pod that was to be created anew wants neither.
  await discardSuccessor(tx, scope, { namespace: input.namespace, name: input.name })
  await markPodDeleted(tx, scope, pod.uid, input.graceSeconds ?? podSpec.parse(pod.spec).terminationGracePeriodSeconds)
  if (input.force) await markPodForced(tx, pod.uid)
  if (!pod.deletedAt || input.force) await recordAudit(tx, scope, { action: 'pod.delete', kind: 'Pod', namespace: input.namespace, name: input.name, ...(input.force ? { detail: 'without its host’s word' } : {}) })
  return { deleting: true }
}
