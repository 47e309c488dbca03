import { z } from 'zod'
import { containersOf } from '@/domain/pod/container-of'
import { podActions, type PodAction } from '@/domain/pod/transitions'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { findPod, loadPods } from '@/server/store/pods'
import type { ServerContext } from '../../context'
import { podReference } from '../delete-pod'
import { toPodView } from '../pod-view'

export const containerReference = podReference.extend({ container: z.string().max(63).optional() })
/** A path as the container sees it. */
export const containerPath = z.string().max(4096, 'must have at most 4096 characters').regex(/^\/[^\0]*$/, 'must begin with a slash')
export const streamTicket = z.object({ ticket: z.string() })

export type Located = { hostId: string; podUid: string; container: string }

/**
 * Where the pod's container is (the first of `containers` where none is named), or a clear error: unknown pod, unknown
 * container, no host yet, an action that the state forbids.
 */
export async function locate(ctx: ServerContext, scope: Scope, input: z.output<typeof containerReference>, action: PodAction): Promise<Located> {
  const row = await findPod(ctx.db, scope, input.namespace, input.name)
  const [record] = row ? await loadPods(ctx.db, scope, [row.uid]) : []
  if (!record) throw notFound('Pod', input.name)
  const view = toPodView(record)
  const container = input.container ?? view.spec.containers[0]?.name ?? ''
  const names = containersOf(view.spec).map((c) => c.spec.name)
  if (!names.includes(container)) throw new DomainError('not_found', `Pod "${input.name}" has no container "${container}": it has ${names.join(', ')}.`)
  const reason = podActions[action](view)
  if (reason) throw new DomainError('failed_precondition', reason)
  if (!record.pod.hostId) throw new DomainError('failed_precondition', 'The pod has no host yet.')
  return { hostId: record.pod.hostId, podUid: record.pod.uid, container }
}
