import { podSubnet } from '@/domain/network/spec'
import { allocateAddress } from '@/server/store/addresses'
import { listBoundPods, putAssignment, type BoundPod } from '@/server/store/assignments'
import { setCondition } from '@/server/store/conditions'
import { inTransaction } from '@/server/store/database'
import { listReferencingPods } from '@/server/store/pod-references'
import { replacePod } from '@/server/store/pod-successors'
import { recordEvent } from '@/server/store/reports'
import type { Change } from '@/server/store/change-feed'
import type { Controller, ControlContext } from '../../runtime/controller'
import { reconcileConfiguration } from './configuration'
import { planPod } from './plan'

/**
 * Keys are pods' uids; a network's change wakes all of its pods through `network:<uid>`, and that of a ConfigMap or Secret
 * the pods that name it through `configuration:<tenant>/<namespace>/<kind>/<name>`.
 */
export const podController: Controller = {
  name: 'pod',
  workers: 4,
  resyncSeconds: 60,
  keysOf,
  allKeys: async (ctx) => (await listBoundPods(ctx.db)).map((pod) => pod.uid),
  reconcile: async (ctx, key) => {
    if (key.startsWith('network:')) {
      for (const pod of await listBoundPods(ctx.db, { networkId: key.slice('network:'.length) })) await reconcilePod(ctx, pod)
      return
    }
    if (key.startsWith('configuration:')) {
      const [tenantId = '', namespace = '', kind = '', name = ''] = key.slice('configuration:'.length).split('/')
      for (const uid of await listReferencingPods(ctx.db, { tenantId, namespace, kind, name })) await reconcileConfiguration(ctx, uid)
      return
    }
    const [pod] = await listBoundPods(ctx.db, { uids: [key] })
    if (pod) await reconcilePod(ctx, pod)
    await reconcileConfiguration(ctx, key)
  },
}

function keysOf({ kind, action, uid, tenantId, namespace, name }: Change): string[] {
  if (kind === 'Pod') return action === 'deleted' ? [] : [uid]
  if (kind === 'Network') return action === 'modified' ? [`network:${uid}`] : []
  return kind === 'ConfigMap' || kind === 'Secret' ? [`configuration:${tenantId}/${namespace}/${kind}/${name}`] : []
}

async function reconcilePod(ctx: ControlContext, pod: BoundPod): Promise<void> {
  const plan = planPod(pod)
  if (plan.kind === 'remove') await inTransaction(ctx.db, (tx) => replacePod(tx, pod.uid))
  if (plan.kind === 'assign') await inTransaction(ctx.db, (tx) => putAssignment(tx, plan.hostId, plan.document))
  if (plan.kind === 'allocate') await allocateAndAssign(ctx, pod)
}

/** One transaction for address and assignment: one commit less on the way of a pod's start. */
async function allocateAndAssign(ctx: ControlContext, pod: BoundPod): Promise<void> {
  await inTransaction(ctx.db, async (tx) => {
    const address = await allocateAddress(tx, pod.network.uid, podSubnet(pod.network.spec), pod.uid)
    const about = { objectUid: pod.uid, objectKind: 'Pod' as const, type: 'AddressAllocated', observedGeneration: pod.generation }
    if (!address) {
      const message = `Network "${pod.network.name}" has no free address in ${podSubnet(pod.network.spec).cidr}: delete pods of it, or use a network with a larger subnet.`
      if (await setCondition(tx, { ...about, status: 'False', reason: 'NoFreeAddress', message })) {
        await recordEvent(tx, { tenantId: pod.tenantId, objectUid: pod.uid, objectKind: 'Pod', objectNamespace: pod.namespace, objectName: pod.name, type: 'Warning', reason: 'NoFreeAddress', message, source: 'network' })
      }
      return
    }
    await setCondition(tx, { ...about, status: 'True', reason: 'Allocated', message: `The pod has the address ${address.address}.` })
    const plan = planPod({ ...pod, addresses: [address] })
    if (plan.kind === 'assign') await putAssignment(tx, plan.hostId, plan.document)
  })
}
