import { z } from 'zod'
import { problemCollector } from '@/domain/manifest/check'
import { podAnnotations, podLabels, readPodSpec } from '@/domain/pod/manifest'
import { podSpec } from '@/domain/pod/spec'
import { DomainError, invalidInput, notFound } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import { holdPods } from '@/server/store/pod-deletion'
import { discardSuccessor, findSuccessor, putSuccessor } from '@/server/store/pod-successors'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { once } from '../idempotency'
import { holdNetworkOfNamespace } from '../namespaces/network-of-namespace'
import { insertPodManifest } from './create-pod'
import { deletePodInTransaction, podReference } from './delete-pod'
import { checkPlace } from './place-in-network'
import { admitStorageWay } from './storage-way'

export const recreatePodInput = podReference.extend({
  /** The pod that was looked at: another that has its name by now is left alone. */
  uid: z.uuid().optional(),
  labels: podLabels,
  annotations: podAnnotations,
  /** A PodSpec as Kubernetes writes it. */
  spec: z.unknown(),
  graceSeconds: z.number().int().min(0).max(3600).optional(),
  requestId: z.string().min(1).max(128).optional(),
})
/** `waiting`: the new pod is created by itself as soon as the old one has gone. `created`: there was no old one any more. */
export const recreatePodOutput = z.object({ state: z.enum(['waiting', 'created']) })

/**
 * Deletes a pod and creates another of its name once it has gone, as one action: what shall be created is checked and
 * kept first, in the transaction that begins the deletion, so that nothing is lost whatever becomes of who asked.
 */
export async function recreatePod(ctx: ServerContext, scope: Scope, input: z.output<typeof recreatePodInput>): Promise<z.output<typeof recreatePodOutput>> {
  if (!scope.allows('pod.delete')) throw notFound('Pod', input.name)
  const { problems, collect } = problemCollector()
  const spec = readPodSpec(input.spec, ['spec'], collect)
  if (!spec || problems.length > 0) throw invalidInput(problems)
  const { namespace, name, uid, labels, annotations, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'pod.recreate', input, output: recreatePodOutput }, async () => {
    const [old] = await holdPods(tx, scope, [{ namespace, name }])
    if (!old) {
      await insertPodManifest(tx, ctx, scope, { kind: 'Pod', metadata: { namespace, name, generateName: null, labels, annotations }, spec })
      return { state: 'created' as const }
    }
    if (uid && old.uid !== uid) throw new DomainError('conflict', `Pod "${name}" was created anew since you looked at it: load it again, then edit it.`)
    await admitStorageWay(tx, ctx, scope, { annotations })
    await checkPlace(tx, await holdNetworkOfNamespace(tx, scope, namespace, 'pod'), spec)
    await deletePodInTransaction(tx, scope, { namespace, name, graceSeconds: input.graceSeconds })
    await putSuccessor(tx, scope, old, { labels, annotations, spec })
    await recordAudit(tx, scope, { action: 'pod.recreate', kind: 'Pod', namespace, name })
    return { state: 'waiting' as const }
  }), { repeatable: true })
}

/** What shall follow on a pod, or what could not: `problem` says why, and the manifest is kept until it is discarded. */
export const successorView = z.object({
  successor: z.object({ state: z.enum(['waiting', 'failed']), problem: z.string(), labels: podLabels, annotations: podAnnotations, spec: podSpec, createdAt: z.string() }).nullable(),
})

export async function getSuccessor(ctx: ServerContext, scope: Scope, reference: z.output<typeof podReference>): Promise<z.output<typeof successorView>> {
  const row = await findSuccessor(ctx.db, scope, reference)
  if (!row) return { successor: null }
  return { successor: { state: row.problem ? 'failed' : 'waiting', problem: row.problem, labels: podLabels.parse(row.labels), annotations: podAnnotations.parse(row.annotations), spec: podSpec.parse(row.spec), createdAt: row.createdAt.toISOString() } }
}

export const discarded = z.object({ discarded: z.boolean() })

/** The pod that is going is not created anew, or a manifest that was kept is let go. */
export const discardPodSuccessor = (ctx: ServerContext, scope: Scope, reference: z.output<typeof podReference>): Promise<z.output<typeof discarded>> =>
  inTransaction(ctx.db, async (tx) => {
    // The pod first: who removes it is about to make its successor.
    await holdPods(tx, scope, [reference])
    const found = await discardSuccessor(tx, scope, reference)
    if (found) await recordAudit(tx, scope, { action: 'pod.discardSuccessor', kind: 'Pod', namespace: reference.namespace, name: reference.name })
    return { discarded: found }
  }, { repeatable: true })
