import { missingObject } from '@/domain/pod/configuration'
import { setCondition } from '@/server/store/conditions'
import { inTransaction } from '@/server/store/database'
import { findPodConfiguration, holdPodConfiguration, maxPodConfigurationBytes, type PodConfigurationState } from '@/server/store/pod-configuration'
import { recordEvent } from '@/server/store/reports'
import type { ControlContext } from '../../runtime/controller'

/** So many objects a message names. */
const maxNamed = 5

export type ConfigurationVerdict = { status: 'True' | 'False'; reason: string; message: string }

/** What is to be said of what a pod names. Pure. */
export function judgeConfiguration({ namespace, objects }: Pick<PodConfigurationState, 'namespace' | 'objects'>): ConfigurationVerdict {
  const missing = objects.filter((o) => o.uid === null && !o.optional)
  const listed = (sentences: string[]) => [...sentences.slice(0, maxNamed), ...(sentences.length > maxNamed ? [`${sentences.length - maxNamed} more are missing.`] : [])].join(' ')
  if (missing.length > 0) return { status: 'False', reason: 'ConfigurationMissing', message: listed(missing.map((o) => missingObject(o.kind, o.name, namespace))) }
  const left = objects.find((o) => !o.fits)
  if (left) return { status: 'False', reason: 'ConfigurationTooLarge', message: `The ConfigMaps and Secrets that the pod names take more than ${maxPodConfigurationBytes >> 20} MiB together, and ${left.kind} "${left.name}" has no room: name fewer or smaller ones.` }
  return { status: 'True', reason: 'ConfigurationFound', message: 'The ConfigMaps and Secrets that the pod needs are there.' }
}

/** Says of a pod whether what it names is there. Pods that name nothing have no such condition. */
export async function reconcileConfiguration(ctx: ControlContext, podUid: string): Promise<void> {
  if (!(await findPodConfiguration(ctx.db, podUid))) return
  await inTransaction(ctx.db, async (tx) => {
    const state = await holdPodConfiguration(tx, podUid)
    if (!state) return
    const verdict = judgeConfiguration(state)
    const changed = await setCondition(tx, { objectUid: podUid, objectKind: 'Pod', type: 'ConfigurationAvailable', observedGeneration: state.generation, ...verdict })
    if (!changed || verdict.status === 'True') return
    await recordEvent(tx, { tenantId: state.tenantId, objectUid: podUid, objectKind: 'Pod', objectNamespace: state.namespace, objectName: state.name, type: 'Warning', reason: verdict.reason, message: verdict.message, source: 'configuration' })
  })
}
