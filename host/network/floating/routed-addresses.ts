import type { SetRoutedAddressesParams } from '@/contracts/guest/v1/requests'
import type { Attachment } from '../attachment'
import { ROUTER_ADDRESS_6 } from '../names'
import { ofFamily, routedOf, type FloatingBinding, type NetworkState } from '../network-state'
import { peerSubnets } from '../peers/peer-subnets'

/** What a guest is told of the addresses of the outside that are routed to it. */
export type RoutedAddresses = SetRoutedAddressesParams

/** What became of them in a guest. `isOld`: its agent does not know of such addresses; its next start brings one that does. */
export type RoutedGuestState = { state: 'done' } | { state: 'waiting' } | { state: 'failed'; isOld: boolean; error: unknown }

/** What a guest is told that has none. */
export const NOTHING_ROUTED: RoutedAddresses = { addresses: [], gateway: ROUTER_ADDRESS_6, inside: [] }

/** More than a network and its peers have; what a guest takes is bounded. */
const MOST_SUBNETS = 1024

/**
 * What the guests of pods with routed addresses are to be told, by the pods' uid. Inside of the network and with its peers a pod speaks from its own address there, if it has one of IPv6; with all
 * else from the first of these.
 */
export function routedAddresses(floating: readonly FloatingBinding[], pods: ReadonlyMap<string, Attachment>, state: NetworkState): Map<string, RoutedAddresses> {
  const found = new Map<string, RoutedAddresses>()
  const subnets = ofFamily(6, [...state.subnets.map(({ cidr }) => cidr), ...state.serviceCidrs, ...state.routes.map(({ destination }) => destination), ...peerSubnets(state).flatMap((peer) => peer.subnets)])
  for (const { podUid, address } of routedOf(floating)) {
    const pod = pods.get(podUid)?.pod
    if (!pod) continue
    const inside = pod.ipv6 ? [...new Set(subnets)].sort().slice(0, MOST_SUBNETS) : []
    found.set(podUid, { addresses: [...found.get(podUid)?.addresses ?? [], address], gateway: ROUTER_ADDRESS_6, inside })
  }
  return found
}
