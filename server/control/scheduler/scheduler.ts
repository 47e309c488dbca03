import { inTransaction } from '@/server/store/database'
import { setCondition } from '@/server/store/conditions'
import { recordEvent } from '@/server/store/reports'
import { bindPod, listPendingPods, listSchedulableHosts, type PendingPod } from '@/server/store/scheduling'
import type { Controller, ControlContext } from '../runtime/controller'
import { explainNoFit, place } from './cycle'
import { demandOf, reserve, toHostState, type HostState } from './snapshot'

const batch = 500

/** One key: a cycle reads all pending pods and all hosts, so every wake means the same. */
export const scheduler: Controller = {
  name: 'scheduler',
  workers: 1,
  resyncSeconds: 15,
  keysOf: (change) => ((change.kind === 'Pod' && change.action !== 'modified') || change.kind === 'Host' || change.kind === 'PodAssignment' ? ['all'] : []),
  allKeys: () => Promise.resolve(['all']),
  reconcile: runCycle,
}

async function runCycle(ctx: ControlContext): Promise<void> {
  const pending = await listPendingPods(ctx.db, batch)
  if (pending.length === 0) return
  let hosts = (await listSchedulableHosts(ctx.db)).map(toHostState)
  for (const pod of pending) hosts = await schedule(ctx, pod, hosts)
}

async function schedule(ctx: ControlContext, pod: PendingPod, hosts: HostState[]): Promise<HostState[]> {
  const demand = demandOf(pod.spec)
  const placement = place(hosts, demand)
  const about = { objectUid: pod.uid, objectKind: 'Pod' as const, observedGeneration: pod.generation }
  const event = { tenantId: pod.tenantId, objectUid: pod.uid, objectKind: 'Pod', objectNamespace: pod.namespace, objectName: pod.name, source: 'scheduler' }
  if (!('host' in placement)) {
    const message = explainNoFit(placement.reasons, placement.hosts, demand)
    await inTransaction(ctx.db, async (tx) => {
      const changed = await setCondition(tx, { ...about, type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message })
      if (changed) await recordEvent(tx, { ...event, type: 'Warning', reason: 'FailedScheduling', message })
    })
    return hosts
  }
  const { host } = placement
  await inTransaction(ctx.db, async (tx) => {
    if (!(await bindPod(tx, pod.uid, host.id))) return
    await setCondition(tx, { ...about, type: 'PodScheduled', status: 'True', reason: 'Bound', message: `The pod runs on host ${host.name}.` })
    await recordEvent(tx, { ...event, type: 'Normal', reason: 'Scheduled', message: `Bound to host ${host.name}.` })
  })
  return hosts.map((h) => (h.id === host.id ? reserve(h, demand) : h))
}
