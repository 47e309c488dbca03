import type { BackendServers, ExternalObject, HostAddressPool, HostBalancer } from '@/contracts/host/v1/external'
import type { ExternalState, StateBackendService, StateBalancer, StatePool } from '@/domain/external/state'
import { familyOf } from '@/domain/shared/ip'
import type { BalancerServer } from '@/domain/load-balancer/model'

/** How long a host may answer without hearing of the server where another could take over, in seconds. */
export const leaseSeconds = 15
/** Of one backend (contracts/host/v1/external.ts), of one balancer, and of all balancers of a tenant on one host: what is beyond gets no connections. */
export const maxServersOfBackend = 2000
export const maxServersOfBalancer = 20_000
export const maxServersOfTenant = 100_000
const maxAddresses = 4

/** Balancers of which some backend has not all of its servers. */
export type LeftOut = { balancerUid: string; servers: number }

/**
 * What a host is told of the outside: the pools of its addresses, addresses of its pods, balancers and who takes their connections. What
 * services and names mean has been found out here: a host looks nothing up. One tenant's servers are bounded, for they must not end the stream that others share. Pure.
 */
export function toExternalObjects(state: ExternalState, elsewhere: ReadonlyMap<string, number> = new Map()): { objects: ExternalObject[]; leftOut: LeftOut[] } {
  const balancers = state.balancers.filter(({ addresses, inner }) => addresses.length > 0 && inner.length > 0)
  const { servers, leftOut } = backendServers(state, balancers, elsewhere)
  return {
    objects: [
      ...state.pools.map(poolObject),
      ...state.floating.map(({ uid, address, networkId, podUid, podAddress }) => ({ kind: 'floatingAddress' as const, uid, address, networkId, podUid, podAddress, until: state.others ? leaseSeconds : null })),
      ...balancers.map((balancer) => balancerObject(balancer, state.others)),
      ...servers,
    ],
    leftOut,
  }
}

const poolObject = ({ uid, name, cidr, gateway }: StatePool): HostAddressPool => ({ kind: 'addressPool', uid, name, cidr, gateway })

function balancerObject({ uid, tenantId, namespace, name, number, compiled, network, inner, mac, addresses }: StateBalancer, others: boolean): HostBalancer {
  const { listeners, backends, options } = compiled.model
  return {
    kind: 'balancer', uid, tenantId, namespace, name, number, networkId: network.uid,
    network: { number: network.number, mtu: network.mtu, subnets: network.subnets, inner, mac, outbound: network.outbound },
    addresses: addresses.slice(0, maxAddresses).map(({ address }) => address), listeners, backends, options, until: others ? leaseSeconds : null,
  }
}

/** Who takes connections of the balancers' backends now, an object a backend, in the order of the balancers. `elsewhere`: how many servers the host is told of for other balancers of a tenant. */
export function backendServers({ services, weights }: Pick<ExternalState, 'services' | 'weights'>, balancers: readonly StateBalancer[], elsewhere: ReadonlyMap<string, number> = new Map()): { servers: BackendServers[]; leftOut: LeftOut[] } {
  const roomOf = new Map<string, number>()
  const roomBeside = (tenantId: string) => Math.max(0, maxServersOfTenant - (elsewhere.get(tenantId) ?? 0))
  const leftOut: LeftOut[] = []
  const servers = balancers.flatMap((balancer) => {
    let room = Math.min(maxServersOfBalancer, roomOf.get(balancer.tenantId) ?? roomBeside(balancer.tenantId))
    const before = room
    let without = 0
    const own = balancer.compiled.services.map(({ backend, service, port }): BackendServers => {
      const all = serversOf(services.get(`${balancer.tenantId}/${balancer.namespace}/${service}`), port, weights, balancer.inner)
      const kept = all.slice(0, Math.min(room, maxServersOfBackend))
      room -= kept.length
      without += all.length - kept.length
      return { kind: 'backendServers', balancerUid: balancer.uid, backend, servers: kept }
    })
    roomOf.set(balancer.tenantId, (roomOf.get(balancer.tenantId) ?? roomBeside(balancer.tenantId)) - (before - room))
    if (without > 0) leftOut.push({ balancerUid: balancer.uid, servers: without })
    return own
  })
  return { servers, leftOut }
}

/** The endpoints of a service's port that are ready and of a family that the balancer has in the network, each once, by address and port. */
function serversOf(service: StateBackendService | undefined, port: string | number, weights: ExternalState['weights'], inner: readonly string[]): BalancerServer[] {
  const of = service?.ports.find((one) => one.name === port) ?? service?.ports.find((one) => one.port === port)
  if (!service || !of) return []
  const families = new Set(inner.map(familyOf))
  const found = new Map<string, BalancerServer>()
  for (const subset of service.subsets) {
    for (const own of subset.ports.filter(({ name, protocol }) => name === of.name && protocol === of.protocol)) {
      for (const { ip, targetRef } of subset.addresses) {
        const pod = targetRef?.kind === 'Pod' ? targetRef.uid : undefined
        // What was written by itself names a pod that has gone: its address may be another's by now.
        if (!families.has(familyOf(ip)) || (service.hasSelector && (pod === undefined || !weights.has(pod)))) continue
        found.set(`${ip} ${own.port}`, { address: ip, port: own.port, weight: weights.get(pod ?? '') ?? 1 })
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, server]) => server)
}
