import { maxEndpoints } from '@/domain/service/endpoints'
import { setCondition, findConditionStatus } from '@/server/store/conditions'
import { inTransaction, type Transaction } from '@/server/store/database'
import { adoptEndpoints, findServiceState, holdServiceState, listServicePods, listServicesOfHost, listServicesOfNetwork, listServicesOfPod, listServicesWithSelector, putEndpoints, removeEndpoints, type ServiceState } from '@/server/store/endpoint-state'
import type { Change } from '@/server/store/change-feed'
import type { Controller, ControlContext } from '../../runtime/controller'
import { planEndpoints, sameSubsets } from './plan'

/** Keys are services' uids; a pod's, a host's or a network's change finds the services that it concerns through a key of its own. */
export const endpointsController: Controller = {
  name: 'endpoints',
  workers: 4,
  resyncSeconds: 60,
  keysOf,
  allKeys: (ctx) => listServicesWithSelector(ctx.db),
  reconcile: async (ctx, key) => {
    const [kind, uid = ''] = key.split(':')
    const finders: Record<string, (uid: string) => Promise<string[]>> = { pod: (of) => listServicesOfPod(ctx.db, of), host: (of) => listServicesOfHost(ctx.db, of), network: (of) => listServicesOfNetwork(ctx.db, of) }
    const find = uid ? finders[kind ?? ''] : undefined
    for (const service of find ? await find(uid) : [key]) await reconcileService(ctx, service)
  },
}

function keysOf({ kind, action, uid }: Change): string[] {
  if (kind === 'Pod') return [`pod:${uid}`]
  if (kind === 'Service') return action === 'deleted' ? [] : [uid]
  if (kind === 'Host' || kind === 'Network') return action === 'modified' ? [`${kind.toLowerCase()}:${uid}`] : []
  return []
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
