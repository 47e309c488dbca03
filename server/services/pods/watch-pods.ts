import { z } from 'zod'
import { podEvent, type PodEvent } from '@/domain/pod/view'
import { invalidInput } from '@/domain/shared/errors'
import { matchesSelector, parseLabelSelector, type Requirement } from '@/domain/shared/label-selector'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { formatCursor, type Change } from '@/server/store/change-feed'
import { loadPods } from '@/server/store/pods'
import type { ServerContext } from '../context'
import { followerIn, followFeed } from '../watch/follow-feed'
import { toPodView } from './pod-view'

export const watchPodsInput = z.object({
  namespace: dnsLabel.optional(),
  name: z.string().max(253).optional(),
  labelSelector: z.string().max(1000).optional(),
  /** Where to begin: a list's resourceVersion, or none for now. */
  resourceVersion: z.string().max(64).optional(),
  /** Set by the client's library on a reconnect. */
  lastEventId: z.string().max(64).nullish(),
})
export const watchPodsOutput = podEvent

type Filter = { namespace?: string; name?: string; selector: Requirement[] }

/**
 * Changes of the tenant's pods from a resourceVersion on, in commit order, with a bookmark after each batch. A pod that no
 * longer matches the selector is told as deleted, as in Kubernetes. Ends with `gone` when the feed no longer reaches back.
 */
export async function* watchPods(ctx: ServerContext, scope: Scope, input: z.output<typeof watchPodsInput>, signal: AbortSignal): AsyncGenerator<PodEvent> {
  const selector = parseLabelSelector(input.labelSelector ?? '')
  if (!selector) throw invalidInput([{ path: 'labelSelector', line: null, message: 'is not a label selector' }])
  const filter: Filter = { namespace: input.namespace, name: input.name, selector }
  for await (const { changes, cursor } of followFeed(ctx, followerIn(scope), input.lastEventId ?? input.resourceVersion, signal)) {
    yield* eventsOf(ctx, scope, changes, filter)
    yield { type: 'bookmark', object: null, resourceVersion: formatCursor(cursor) }
  }
}

/** One event a pod of a batch: the newest state of it, however often it changed. */
async function* eventsOf(ctx: ServerContext, scope: Scope, changes: Change[], filter: Filter): AsyncGenerator<PodEvent> {
  // Who watches one pod by name also wants to know that something happened to it, though no field of it changed.
  const kinds = filter.name ? ['Pod', 'Event'] : ['Pod']
  const relevant = changes.filter((c) => kinds.includes(c.kind) && c.tenantId === scope.tenantId && (!filter.namespace || c.namespace === filter.namespace) && (!filter.name || c.name === filter.name))
  const newest = new Map(relevant.map((c) => [c.uid, c]))
  const wereAdded = new Set(relevant.filter((c) => c.kind === 'Pod' && c.action === 'added').map((c) => c.uid))
  const records = new Map((await loadPods(ctx.db, scope, [...newest.keys()])).map((r) => [r.pod.uid, r]))
  // A batch may hold several changes of one pod: any of them may have been the one by which it left the selection.
  const matchedBefore = new Set(relevant.filter((c) => c.oldLabels && matchesSelector(filter.selector, c.oldLabels)).map((c) => c.uid))
  for (const [uid, change] of newest) {
    const record = records.get(uid)
    const resourceVersion = formatCursor(change.cursor)
    const after = record && matchesSelector(filter.selector, toPodView(record).metadata.labels)
    // A pod that enters the selection by a new label is added to whoever watches by it.
    const enters = wereAdded.has(uid) || (change.kind === 'Pod' && !matchedBefore.has(uid))
    if (record && after) yield { type: enters ? 'added' : 'modified', object: toPodView(record), resourceVersion }
    else if (matchedBefore.has(uid)) yield { type: 'deleted', object: deletedView(change), resourceVersion }
  }
}

/** What is left to say of a pod that is gone or no longer matches: who it was. */
const deletedView = (change: Change): PodEvent['object'] => ({
  metadata: { name: change.name, namespace: change.namespace ?? '', uid: change.uid, labels: change.oldLabels ?? {}, annotations: {}, generation: 0, resourceVersion: formatCursor(change.cursor), creationTimestamp: '', deletionTimestamp: null },
  spec: { initContainers: [], containers: [], volumes: [], restartPolicy: 'Always', terminationGracePeriodSeconds: 30, imagePullSecrets: [], hostAliases: [], dnsPolicy: 'ClusterFirst' },
  status: { phase: 'Stopping', reason: '', message: '', conditions: [], containers: [], podIP: null, podIPs: [], hostName: null, observedGeneration: 0, accelerator: null, startMode: null, startSteps: [], startedAt: null },
})
