import { maxEndpoints } from '@/domain/service/endpoints'
import { setCondition, findConditionStatus } from '@/server/store/conditions'
import { inTransaction, type Transaction } from '@/server/store/database'
import { adoptEndpoints, findServiceState, holdServiceState, listServicePods, listServicesOfHost, listServicesOfNetwork, listServicesOfPods, listServicesWithSelector, putEndpoints, removeEndpoints, type ServiceState } from '@/server/store/endpoint-state'
import type { Controller, ControlContext } from '../../runtime/controller'
import { planEndpoints, sameSubsets } from './plan'

/** So many services are worked on at a time for one key. */
const atOnce = 4

/**
 * Keys are services' uids, and `host:<id>` and `network:<uid>` for those that they concern. Pods that changed wait together behind the key
 * `pods`: with many reports at once each service is looked at once, not once a pod. What waits is only where to look, and all is looked at anew.
 */
export function createEndpointsController(): Controller {
  const changedPods = new Set<string>()
  return {
    name: 'endpoints',
    workers: 4,
    resyncSeconds: 300,
    keysOf: ({ kind, action, uid }) => {
      if (kind === 'Pod') {
        changedPods.add(uid)
        return ['pods']
      }
      if (kind === 'Service') return action === 'deleted' ? [] : [uid]
      return (kind === 'Host' || kind === 'Network') && action === 'modified' ? [`${kind.toLowerCase()}:${uid}`] : []
    },
    allKeys: (ctx) => listServicesWithSelector(ctx.db),
    reconcile: async (ctx, key) => {
      const [kind, uid] = key.split(':')
      if (uid !== undefined) return reconcileServices(ctx, await (kind === 'host' ? listServicesOfHost : listServicesOfNetwork)(ctx.db, uid))
      if (kind !== 'pods') return reconcileService(ctx, key)
      const pods = [...changedPods]
      changedPods.clear()
      try {
        await reconcileServices(ctx, await listServicesOfPods(ctx.db, pods))
      } catch (error) {
        for (const pod of pods) changedPods.add(pod)
        throw error
      }
    },
  }
}

async function reconcileServices(ctx: ControlContext, services: string[]): Promise<void> {
  for (let i = 0; i < services.length; i += atOnce) await Promise.all(services.slice(i, i + atOnce).map((service) => reconcileService(ctx, service)))
}

/** Most of what a pod reports changes no endpoints: that is found out without a transaction. */
async function reconcileService(ctx: ControlContext, uid: string): Promise<void> {
  const seen = await findServiceState(ctx.db, uid)
  if (!seen || !(await nextStep(ctx.db, seen))) return
  await inTransaction(ctx.db, async (tx) => {
    const held = await holdServiceState(tx, uid)
    const step = held && (await nextStep(tx, held))
    if (step) await step(tx)
  })
}

/** What there is to do for a service, or null. */
async function nextStep(db: ControlContext['db'] | Transaction, service: ServiceState): Promise<((tx: Transaction) => Promise<unknown>) | null> {
  const { spec, endpoints } = service
  if (spec.type === 'ExternalName') return endpoints?.serviceUid === service.uid ? (tx) => removeEndpoints(tx, service) : null
  if (Object.keys(spec.selector).length === 0) return endpoints && endpoints.serviceUid === null ? (tx) => adoptEndpoints(tx, service) : null
  const { subsets, leftOut } = planEndpoints(service, await listServicePods(db, service))
  const isWritten = endpoints?.serviceUid === service.uid && sameSubsets(endpoints.subsets, subsets)
  // Only a service that had too many is told that it has no longer.
  const told = leftOut > 0 || !isWritten ? await findConditionStatus(db, service.uid, 'EndpointsComplete') : null
  const tells = (leftOut > 0) !== (told === 'False')
  if (isWritten && !tells) return null
  return async (tx) => {
    if (!isWritten) await putEndpoints(tx, service, subsets)
    if (tells) await tellLeftOut(tx, service, leftOut)
  }
}

const tellLeftOut = (tx: Transaction, { uid, generation, name }: ServiceState, leftOut: number) =>
  setCondition(tx, {
    objectUid: uid, objectKind: 'Service', type: 'EndpointsComplete', observedGeneration: generation,
    ...(leftOut > 0
      ? { status: 'False', reason: 'TooManyEndpoints', message: `Service "${name}" selects more ready pods than the ${maxEndpoints} that one service is balanced over: ${leftOut} of them get no connections through it. Select fewer pods, or use several services.` }
      : { status: 'True', reason: 'AllEndpoints', message: 'All ready pods that the service selects get connections.' }),
  })
