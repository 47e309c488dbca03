import { inTransaction } from '@/server/store/database'
import { setCondition } from '@/server/store/conditions'
import { recordEvent } from '@/server/store/reports'
import { bindPod, listPendingPods, listSchedulableHosts, type PendingPod } from '@/server/store/scheduling'
import { bindVolumes, listHostStores, withVolumeDemands, type PodToPlace } from '@/server/store/volume-scheduling'
import type { Controller, ControlContext } from '../runtime/controller'
import { explainNoFit, place } from './cycle'
import { demandOf, reserve, toHostState, type HostState } from './snapshot'
import { explainVolumes } from './volumes'

const batch = 500

/** What lets a pod that waits find a host: of volumes, that they are there, lie somewhere, or have a store that is reached and has room. */
const wakers = new Set(['Host', 'PodAssignment', 'VolumePlace', 'VolumeClaim', 'VolumeStore', 'VolumeRoom'])

/** One key: a cycle reads all pending pods and all hosts, so every wake means the same. */
export const scheduler: Controller = {
  name: 'scheduler',
  workers: 1,
  resyncSeconds: 15,
  keysOf: (change) => ((change.kind === 'Pod' && change.action !== 'modified') || wakers.has(change.kind) ? ['all'] : []),
  allKeys: () => Promise.resolve(['all']),
  reconcile: runCycle,
}

async function runCycle(ctx: ControlContext): Promise<void> {
  const pending = await listPendingPods(ctx.db, batch)
  if (pending.length === 0) return
  const [pods, schedulable] = await Promise.all([withVolumeDemands(ctx.db, pending), listSchedulableHosts(ctx.db)])
  const stores = await listHostStores(ctx.db, pods.flatMap(({ volumes }) => volumes?.stores.map(({ storeId }) => storeId) ?? []))
  let hosts = schedulable.map((host): HostState => ({ ...toHostState(host), stores: stores.get(host.id) ?? new Map() }))
  for (const pod of pods) hosts = await schedule(ctx, pod, hosts)
}

async function schedule(ctx: ControlContext, pod: PodToPlace<PendingPod>, hosts: HostState[]): Promise<HostState[]> {
  const demand = demandOf(pod)
  const placement = place(hosts, demand)
  const about = { objectUid: pod.uid, objectKind: 'Pod' as const, observedGeneration: pod.generation }
  const event = { tenantId: pod.tenantId, objectUid: pod.uid, objectKind: 'Pod', objectNamespace: pod.namespace, objectName: pod.name, source: 'scheduler' }
  if (!('host' in placement)) {
    const message = explainNoFit(placement.reasons, placement.hosts, demand, demand.volumes ? explainVolumes(demand.volumes, (id) => hosts.find((host) => host.id === id)?.name ?? id) : '')
    await inTransaction(ctx.db, async (tx) => {
      const changed = await setCondition(tx, { ...about, type: 'PodScheduled', status: 'False', reason: demand.volumes?.problem && hosts.length > 0 ? 'VolumesUnavailable' : 'Unschedulable', message })
      if (changed) await recordEvent(tx, { ...event, type: 'Warning', reason: 'FailedScheduling', message })
    })
    return hosts
  }
  const { host } = placement
  const bound = await inTransaction(ctx.db, async (tx) => {
    if (!(await bindPod(tx, pod.uid, host.id))) return false
    if (!(await bindVolumes(tx, host.id, pod.unplaced))) throw new VolumeMoved()
    await setCondition(tx, { ...about, type: 'PodScheduled', status: 'True', reason: 'Bound', message: `The pod runs on host ${host.name}.` })
    await recordEvent(tx, { ...event, type: 'Normal', reason: 'Scheduled', message: `Bound to host ${host.name}.` })
    return true
  }).catch((error: unknown) => {
    if (error instanceof VolumeMoved) return false
    throw error
  })
  return bound ? hosts.map((h) => (h.id === host.id ? reserve(h, demand) : h)) : hosts
}

/** A volume came to another host's disk meanwhile, and draws its pod there: its change brings the next cycle. */
class VolumeMoved extends Error {}
