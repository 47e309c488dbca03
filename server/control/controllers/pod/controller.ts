import { allocateAddresses } from '@/server/store/addresses'
import { holdPod, listBoundPods, listBoundPodUids, putAssignment, type BoundPod } from '@/server/store/assignments'
import { setCondition } from '@/server/store/conditions'
import { inTransaction } from '@/server/store/database'
import { listReferencingPods } from '@/server/store/pod-references'
import { replacePod } from '@/server/store/pod-successors'
import { recordEvent } from '@/server/store/reports'
import type { Change } from '@/server/store/change-feed'
import type { Controller, ControlContext } from '../../runtime/controller'
import { eachApart } from '../../runtime/each-apart'
import { reconcileConfiguration } from './configuration'
import { planPod } from './plan'

/** So many pods of a network are read at a time. */
const maxRead = 200

/**
 * Keys are pods' uids; a network's change wakes all of its pods through `network:<uid>`, an address given back those that wait for one
 * through `waiting:<network>`, and a ConfigMap's or Secret's change the pods that name it through
 * `configuration:<tenant>/<namespace>/<kind>/<name>`.
 */
export const podController: Controller = {
  name: 'pod',
  workers: 4,
  resyncSeconds: 60,
  keysOf,
  allKeys: (ctx) => listBoundPodUids(ctx.db),
  reconcile: async (ctx, key) => {
    if (key.startsWith('network:')) return reconcilePods(ctx, await listBoundPodUids(ctx.db, { networkId: key.slice('network:'.length) }))
    if (key.startsWith('waiting:')) return reconcilePods(ctx, await listBoundPodUids(ctx.db, { networkId: key.slice('waiting:'.length), withoutAddress: true }))
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
  if (kind === 'NetworkAddress') return action === 'deleted' ? [`waiting:${uid}`] : []
  return kind === 'ConfigMap' || kind === 'Secret' ? [`configuration:${tenantId}/${namespace}/${kind}/${name}`] : []
}

/** Each pod by itself: one that cannot be read, or not be given an address, is in no other's way. */
async function reconcilePods(ctx: ControlContext, uids: readonly string[]): Promise<void> {
  const parts = Array.from({ length: Math.ceil(uids.length / maxRead) }, (_, i) => uids.slice(i * maxRead, (i + 1) * maxRead))
  await eachApart(parts, async (part) => {
    const read = await listBoundPods(ctx.db, { uids: part }).catch(() => null)
    if (read) return eachApart(read, (pod) => reconcilePod(ctx, pod))
    return eachApart(part, async (uid) => eachApart(await listBoundPods(ctx.db, { uids: [uid] }), (pod) => reconcilePod(ctx, pod)))
  })
}

async function reconcilePod(ctx: ControlContext, pod: BoundPod): Promise<void> {
  const plan = planPod(pod)
  if (plan.kind === 'remove') await inTransaction(ctx.db, (tx) => replacePod(tx, pod.uid))
  if (plan.kind === 'assign') await inTransaction(ctx.db, (tx) => putAssignment(tx, plan.hostId, plan.document))
  if (plan.kind === 'allocate') await allocateAndAssign(ctx, pod)
}

/** One transaction for addresses and assignment: one commit less on the way of a pod's start. */
async function allocateAndAssign(ctx: ControlContext, pod: BoundPod): Promise<void> {
  await inTransaction(ctx.db, async (tx) => {
    // The pod before its network, as where a pod is replaced: two who lock in another order would wait for each other.
    if (!(await holdPod(tx, pod.uid))) return
    const given = await allocateAddresses(tx, pod.network.uid, pod)
    const about = { objectUid: pod.uid, objectKind: 'Pod' as const, type: 'AddressAllocated', observedGeneration: pod.generation }
    if ('refusal' in given) {
      const { reason, again } = given.refusal
      const message = [given.refusal.message, again].filter(Boolean).join(' ')
      if (await setCondition(tx, { ...about, status: 'False', reason, message })) {
        await recordEvent(tx, { tenantId: pod.tenantId, objectUid: pod.uid, objectKind: 'Pod', objectNamespace: pod.namespace, objectName: pod.name, type: 'Warning', reason, message, source: 'network' })
      }
      return
    }
    const addresses = given.addresses.map(({ address }) => address)
    await setCondition(tx, { ...about, status: 'True', reason: 'Allocated', message: `The pod has the ${addresses.length > 1 ? 'addresses' : 'address'} ${addresses.join(' and ')}.` })
    const plan = planPod({ ...pod, addresses: given.addresses })
    if (plan.kind === 'assign') await putAssignment(tx, plan.hostId, plan.document)
  })
}
