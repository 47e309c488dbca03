import { z } from 'zod'
import type { EndpointSubset } from '@/domain/service/endpoints'
import { serviceSpec, wantsOutside } from '@/domain/service/spec'
import type { ServiceEndpointView, ServiceView } from '@/domain/service/view'
import { networkSpec } from '@/domain/network/spec'
import type { Condition } from '@/domain/shared/condition'
import type { Scope } from '@/server/auth/scope'
import { balancersOf } from '@/server/store/balancer-views'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { hostNames } from '@/server/store/endpoints'
import type { ServiceRow } from '@/server/store/services'
import { toCondition, toMetadata } from '../object-metadata'

// Lists hold thousands of addresses that were checked when they were written: here they are read, and not parsed as addresses again.
const storedAddresses = z.array(z.object({ ip: z.string(), nodeName: z.string().optional(), targetRef: z.object({ kind: z.string(), namespace: z.string().optional(), name: z.string(), uid: z.string().optional() }).optional() })).default([])
const storedPorts = z.array(z.object({ name: z.string().optional(), protocol: z.enum(['TCP', 'UDP']), port: z.number() })).default([])
export const storedSubsets = z.array(z.object({ addresses: storedAddresses, notReadyAddresses: storedAddresses, ports: storedPorts }))

const count = (subsets: readonly Pick<EndpointSubset, 'addresses' | 'notReadyAddresses'>[], of: 'addresses' | 'notReadyAddresses'): number => new Set(subsets.flatMap((subset) => subset[of].map(({ ip }) => ip))).size

/** Of a service that has a balancer no more they say what was. */
const ofBalancer: ReadonlySet<string> = new Set(['LoadBalancer', 'ServersComplete'])

/** What is told of a service that asks for an address outside of its network, until the external controller has looked at it. */
const outsideCondition = (row: ServiceRow): Condition => ({
  type: 'LoadBalancer', status: 'False', reason: 'Pending', observedGeneration: row.generation, lastTransitionTime: row.createdAt.toISOString(),
  message: 'The service works inside its network. A load balancer gives it an address outside of it in a moment.',
})

function toView(row: ServiceRow, stored: Condition[], loadBalancer: { name: string; addresses: string[] } | undefined): ServiceView {
  const spec = serviceSpec.parse(row.spec)
  const subsets = storedSubsets.parse(row.endpoints?.subsets ?? [])
  return {
    metadata: { ...toMetadata(row), namespace: row.namespace },
    spec,
    status: {
      network: row.network.name,
      addresses: row.addresses.map(({ address }) => address),
      hostname: `${row.name}.${row.namespace}.svc.${networkSpec.parse(row.network.spec).dns.domain}`,
      endpointsReady: count(subsets, 'addresses'),
      endpointsNotReady: count(subsets, 'notReadyAddresses'),
      loadBalancer: loadBalancer ? { balancer: loadBalancer.name, addresses: loadBalancer.addresses } : null,
      conditions: [...stored.filter(({ type }) => wantsOutside(spec) || !ofBalancer.has(type)), ...(wantsOutside(spec) && !stored.some(({ type }) => type === 'LoadBalancer') ? [outsideCondition(row)] : [])],
    },
  }
}

/** Stored services as the API shows them. */
export async function toServiceViews(db: Database, rows: readonly ServiceRow[]): Promise<ServiceView[]> {
  const uids = rows.map((row) => row.uid)
  const [conditions, balancers] = [await listConditions(db, uids), await balancersOf(db, uids)]
  return rows.map((row) => toView(row, conditions.filter((one) => one.objectUid === row.uid).map(toCondition), balancers.get(row.uid)))
}

/** Where a service's connections go now, each address once, those that are ready first. */
export async function toEndpointViews(db: Database, scope: Scope, row: ServiceRow): Promise<ServiceEndpointView[]> {
  const subsets = storedSubsets.parse(row.endpoints?.subsets ?? [])
  const hosts = await hostNames(db, subsets.flatMap((subset) => [...subset.addresses, ...subset.notReadyAddresses].flatMap(({ nodeName }) => nodeName ?? [])))
  const views = new Map<string, ServiceEndpointView>()
  for (const [of, ready] of [['addresses', true], ['notReadyAddresses', false]] as const) {
    for (const subset of subsets) {
      const ports = subset.ports.map(({ name, protocol, port }) => ({ name: name ?? null, protocol, port }))
      for (const { ip, nodeName, targetRef } of subset[of]) {
        const key = `${ip} ${ready}`
        const pod = targetRef?.kind === 'Pod' && targetRef.uid ? { namespace: targetRef.namespace ?? row.namespace, name: targetRef.name, uid: targetRef.uid } : null
        const known = views.get(key)
        if (known) known.ports.push(...ports)
        else views.set(key, { address: ip, ready, pod, host: nodeName === undefined ? null : (hosts.get(nodeName) ?? nodeName), ports })
      }
    }
  }
  return [...views.values()]
}
