import { z } from 'zod'
import { deletionResult, maxPodsAtOnce, type DeletionResult } from '@/domain/pod/deletion'
import { podName } from '@/domain/pod/manifest'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import { holdPods, markPodsDeleted } from '@/server/store/pod-deletion'
import { discardSuccessors } from '@/server/store/pod-successors'
import { recordAudits } from '@/server/store/records'
import type { ServerContext } from '../context'
import { once } from '../idempotency'

/** With a uid only that very pod is deleted, not another that has taken its name since. */
const namedPod = z.object({ namespace: dnsLabel.default('default'), name: podName, uid: z.uuid().optional() })
export const deleteManyInput = z.object({ pods: z.array(namedPod).min(1).max(maxPodsAtOnce, `must be at most ${maxPodsAtOnce} at once`), requestId: z.string().min(1).max(128).optional() })
export const deleteManyOutput = z.object({ results: z.array(deletionResult) })

/** Sets the deletion time of many pods in one transaction, with a result and an audit entry for each. */
export async function deleteManyPods(ctx: ServerContext, scope: Scope, input: z.output<typeof deleteManyInput>): Promise<z.output<typeof deleteManyOutput>> {
  const { requestId, pods } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'pod.deleteMany', input, output: deleteManyOutput }, async () => {
    const found = new Map((await holdPods(tx, scope, pods)).map((row) => [keyOf(row), row]))
    const results = pods.map((asked): DeletionResult => {
      const row = found.get(keyOf(asked))
      const about = { namespace: asked.namespace, name: asked.name }
      if (!row) return { ...about, outcome: 'gone', message: 'It was gone already.' }
      if (asked.uid && asked.uid !== row.uid) return { ...about, outcome: 'refused', message: `Pod "${asked.name}" was created anew since it was chosen: look at it, then choose it again.` }
      if (row.deletedAt) return { ...about, outcome: 'deleting', message: 'It was being deleted already.' }
      return { ...about, outcome: 'deleting', message: '' }
    })
    const going = results.flatMap((result) => (result.outcome === 'deleting' ? (found.get(keyOf(result)) ?? []) : []))
    // Who deletes a pod that was to be created anew wants neither.
    await discardSuccessors(tx, scope, going)
    const marked = await markPodsDeleted(tx, scope, going.map(({ uid }) => uid))
    await recordAudits(tx, scope, marked.map(({ namespace, name }) => ({ action: 'pod.delete', kind: 'Pod', namespace, name })))
    return { results }
  }), { repeatable: true })
}

const keyOf = ({ namespace, name }: { namespace: string; name: string }): string => `${namespace}/${name}`
