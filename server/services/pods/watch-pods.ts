import { z } from 'zod'
import { podEvent, type PodEvent } from '@/domain/pod/view'
import { DomainError, invalidInput } from '@/domain/shared/errors'
import { matchesSelector, parseLabelSelector, type Requirement } from '@/domain/shared/label-selector'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { currentCursor, formatCursor, parseCursor, readChanges, type Change, type Cursor } from '@/server/store/change-feed'
import { loadPods } from '@/server/store/pods'
import type { ServerContext } from '../context'
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
  const from = input.lastEventId ?? input.resourceVersion
  let cursor: Cursor | null = from ? parseCursor(from) : await currentCursor(ctx.db)
  if (!cursor) throw new DomainError('gone', 'This resourceVersion is none of ours: list again.')
  const filter: Filter = { namespace: input.namespace, name: input.name, selector }
  countSubscription(scope.actor.credentialId, signal)
  const wakes = wakesOf(ctx, scope, signal)
  yield { type: 'bookmark', object: null, resourceVersion: formatCursor(cursor) }
  for (;;) {
    const { changes, behind } = await readChanges(ctx.db, cursor)
    const last = changes[changes.length - 1]
    if (last) {
      cursor = last.cursor
      yield* eventsOf(ctx, scope, changes, filter)
      yield { type: 'bookmark', object: null, resourceVersion: formatCursor(cursor) }
    }
    if (signal.aborted) return
    if (changes.length === 0 || !behind) await wakes.next()
    if (signal.aborted) return
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

const maxSubscriptions = 100
const subscriptions = new Map<string, number>()

/** One credential may watch so much at a time in one process; a browser needs one or two. */
function countSubscription(credentialId: string, signal: AbortSignal): void {
  const open = subscriptions.get(credentialId) ?? 0
  if (open >= maxSubscriptions) throw new DomainError('rate_limited', `More than ${maxSubscriptions} watches are open: close some first.`)
  subscriptions.set(credentialId, open + 1)
  signal.addEventListener('abort', () => {
    const left = (subscriptions.get(credentialId) ?? 1) - 1
    if (left > 0) subscriptions.set(credentialId, left)
    else subscriptions.delete(credentialId)
  })
}

/** What is left to say of a pod that is gone or no longer matches: who it was. */
const deletedView = (change: Change): PodEvent['object'] => ({
  metadata: { name: change.name, namespace: change.namespace ?? '', uid: change.uid, labels: change.oldLabels ?? {}, annotations: {}, generation: 0, resourceVersion: formatCursor(change.cursor), creationTimestamp: '', deletionTimestamp: null },
  spec: { initContainers: [], containers: [], volumes: [], restartPolicy: 'Always', terminationGracePeriodSeconds: 30, imagePullSecrets: [], hostAliases: [], dnsPolicy: 'ClusterFirst' },
  status: { phase: 'Stopping', reason: '', message: '', conditions: [], containers: [], podIP: null, podIPs: [], hostName: null, observedGeneration: 0, accelerator: null, startMode: null, startSteps: [], startedAt: null },
})

/** Resolves when the feed may have something new; several wakes while nobody waits count once. */
function wakesOf(ctx: ServerContext, scope: Scope, signal: AbortSignal): { next(): Promise<void> } {
  let pending = false
  let resolve: (() => void) | null = null
  const wake = () => {
    pending = true
    resolve?.()
  }
  // Other tenants' changes wake nobody here; the timer keeps the cursor above the feed's floor.
  const unsubscribe = ctx.feed.subscribe({ onChanges: (changes) => changes.some((c) => c.tenantId === scope.tenantId) && wake(), onReset: wake })
  const timer = setInterval(wake, 60_000)
  signal.addEventListener('abort', () => {
    unsubscribe()
    clearInterval(timer)
    wake()
  })
  return {
    next: async () => {
      if (!pending && !signal.aborted) await new Promise<void>((done) => (resolve = done))
      pending = false
      resolve = null
    },
  }
}
