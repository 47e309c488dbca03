import { maxEndpoints } from '@/domain/service/endpoints'
import { setCondition, findConditionStatus } from '@/server/store/conditions'
import { inTransaction, type Transaction } from '@/server/store/database'
import { adoptEndpoints, findServiceState, holdServiceState, listServicePods, listSelectingServices, listServiceRows, listServicesOfHost, listServicesOfNetwork, listServicesOfPods, listServicesToEndpoint, putEndpoints, removeEndpoints, toServiceState, type ServicePod, type ServiceRow, type ServiceState } from '@/server/store/endpoint-state'
import type { Controller, ControlContext } from '../../runtime/controller'
import { eachApart } from '../../runtime/each-apart'
import { planEndpoints, sameSubsets } from './plan'

/** So many services are worked on at a time for one key, and so many are read at a time. */
const atOnce = 4
const maxRead = 50
/** Of more pods than so many at once it is not asked which services they concern. */
const maxAsked = 16

/**
 * Keys are services' uids, and `host:<id>` and `network:<uid>` for those that they concern. Pods that changed wait together behind a key of their
 * namespace, `pods:<tenant>/<namespace>`: with many reports at once each service is looked at once, not once a pod, and nobody waits for another
 * tenant's. What waits is only where to look, and all is looked at anew.
 */
export function createEndpointsController(): Controller {
  const changedPods = new Map<string, Set<string>>()
  return {
    name: 'endpoints',
    workers: 4,
    resyncSeconds: 300,
    keysOf: ({ kind, action, uid, tenantId, namespace }) => {
      if (kind === 'Pod') {
        const key = `pods:${tenantId ?? ''}/${namespace ?? ''}`
        changedPods.set(key, (changedPods.get(key) ?? new Set()).add(uid))
        return [key]
      }
      if (kind === 'Service') return action === 'deleted' ? [] : [uid]
      return (kind === 'Host' || kind === 'Network') && action === 'modified' ? [`${kind.toLowerCase()}:${uid}`] : []
    },
    allKeys: (ctx) => listServicesToEndpoint(ctx.db),
    reconcile: async (ctx, key) => {
      const [kind, uid] = key.split(':')
      if (uid === undefined) return reconcileService(ctx, key)
      if (kind !== 'pods') return reconcileServices(ctx, await (kind === 'host' ? listServicesOfHost : listServicesOfNetwork)(ctx.db, uid))
      const pods = [...(changedPods.get(key) ?? [])]
      changedPods.delete(key)
      try {
        const [tenantId = '', namespace = ''] = uid.split('/')
        await reconcileServices(ctx, await (pods.length > maxAsked ? listSelectingServices(ctx.db, tenantId, namespace) : listServicesOfPods(ctx.db, pods)))
      } catch (error) {
        changedPods.set(key, new Set([...pods, ...(changedPods.get(key) ?? [])]))
        throw error
      }
    },
  }
}

/** The pods of each selector of a namespace are read once for all of these services: after the change that woke us, which is what counts. */
async function reconcileServices(ctx: ControlContext, uids: readonly string[]): Promise<void> {
  const read = new Map<string, Promise<ServicePod[]>>()
  const podsOf = (service: ServiceState): Promise<ServicePod[]> => {
    const key = JSON.stringify([service.tenantId, service.namespace, service.networkId, Object.entries(service.spec.selector).sort()])
    const pods = read.get(key) ?? listServicePods(ctx.db, service)
    read.set(key, pods)
    return pods
  }
  const parts = Array.from({ length: Math.ceil(uids.length / maxRead) }, (_, i) => uids.slice(i * maxRead, (i + 1) * maxRead))
  await eachApart(parts, async (part) => eachApart(await listServiceRows(ctx.db, part), (row: ServiceRow) => reconcileSeen(ctx, toServiceState(row), podsOf), atOnce))
}

async function reconcileService(ctx: ControlContext, uid: string): Promise<void> {
  const seen = await findServiceState(ctx.db, uid)
  if (seen) await reconcileSeen(ctx, seen, (service) => listServicePods(ctx.db, service))
}

/** Most of what a pod reports changes no endpoints: that is found out without a transaction. */
async function reconcileSeen(ctx: ControlContext, seen: ServiceState, podsOf: (service: ServiceState) => Promise<ServicePod[]>): Promise<void> {
  if (!(await nextStep(ctx.db, seen, podsOf))) return
  await inTransaction(ctx.db, async (tx) => {
    const held = await holdServiceState(tx, seen.uid)
    const step = held && (await nextStep(tx, held, (service) => listServicePods(tx, service)))
    if (step) await step(tx)
  })
}

/** What there is to do for a service, or null. */
async function nextStep(db: ControlContext['db'] | Transaction, service: ServiceState, podsOf: (service: ServiceState) => Promise<ServicePod[]>): Promise<((tx: Transaction) => Promise<unknown>) | null> {
  const { spec, endpoints } = service
  if (spec.type === 'ExternalName') return endpoints?.serviceUid === service.uid ? (tx) => removeEndpoints(tx, service) : null
  if (Object.keys(spec.selector).length === 0) return endpoints && endpoints.serviceUid === null ? (tx) => adoptEndpoints(tx, service) : null
  const { subsets, leftOut } = planEndpoints(service, await podsOf(service))
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
