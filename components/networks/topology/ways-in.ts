import type { FloatingTarget } from '@/domain/floating-address/spec'
import type { FloatingAddressView } from '@/domain/floating-address/view'
import type { BalancerListItem, BalancerPhase } from '@/domain/load-balancer/view'
import type { NetworkTopology } from '@/domain/network/topology'

/** A floating address that leads into the network: to a pod of it by uid, or to a balancer by its id here. */
export type WayAddress = { uid: string; name: string; address: string; active: boolean; to: { kind: 'pod' | 'balancer'; id: string } }
/** `pods`: the uids of those behind it. */
export type WayBalancer = { id: string; source: 'Service' | 'Ingress'; namespace: string; name: string; phase: BalancerPhase; listeners: string[]; pods: string[] }
/** How the outside gets into a network. */
export type WaysIn = { addresses: readonly WayAddress[]; balancers: readonly WayBalancer[] }
export const noWaysIn: WaysIn = { addresses: [], balancers: [] }

/** The services of an Ingress, as its rules name them. */
export type IngressServices = { namespace: string; name: string; services: readonly string[] }

const balancerId = ({ kind, namespace, name }: FloatingTarget) => `${kind} ${namespace}/${name}`

/** What of a tenant's floating addresses and balancers leads into this network. An address that moves leads still to whom it did. */
export function waysInto({ network, pods, services }: Pick<NetworkTopology, 'network' | 'pods' | 'services'>, { addresses, balancers, ingresses }: { addresses: readonly FloatingAddressView[]; balancers: readonly BalancerListItem[]; ingresses: readonly IngressServices[] }): WaysIn {
  const podsOf = (namespace: string, names: readonly string[]) => [...new Set(services.filter((each) => each.namespace === namespace && names.includes(each.name)).flatMap((each) => each.pods))]
  const own = balancers.filter(({ status }) => status.network === network.name).map(({ source, metadata: { namespace, name }, status, ports }): WayBalancer => ({
    id: balancerId({ kind: source, namespace, name }), source, namespace, name, phase: status.phase,
    listeners: ports.map(({ port, protocol }) => `${port}/${protocol.toUpperCase()}`),
    pods: podsOf(namespace, source === 'Service' ? [name] : ingresses.find((each) => each.namespace === namespace && each.name === name)?.services ?? []),
  }))
  const leading = addresses.flatMap(({ metadata, spec, status }): WayAddress[] => {
    const target = status.holder ?? spec.target
    if (!target) return []
    const id = target.kind === 'Pod' ? pods.find((pod) => pod.namespace === target.namespace && pod.name === target.name)?.uid : own.find((each) => each.id === balancerId(target))?.id
    return id === undefined ? [] : [{ uid: metadata.uid, name: metadata.name, address: status.address, active: status.phase === 'Active', to: { kind: target.kind === 'Pod' ? 'pod' : 'balancer', id } }]
  })
  return { addresses: leading, balancers: own }
}
