import { familyOf, formatIp, inSubnet, parseIp, parseSubnet } from '../shared/ip'
import { withRoutedAddresses } from './routed-addresses'
import type { NetworkRules, Policy } from './rules'

/** What reachability is answered from: a network's objects as hosts are told them (contracts/host/v1/networks.ts). */
export type WorldNetwork = { kind: 'network'; number: number; name: string; subnets: readonly { name: string; cidr: string; gateway: string }[]; serviceCidrs: readonly string[]; routes: readonly { destination: string; via: string }[]; outbound: 'nat' | 'none' }
export type WorldPod = { kind: 'pod'; uid: string; namespace: string; name: string; hostId: string | null; addresses: readonly string[]; /** Floating addresses of IPv6, which are routed to it; without it: none. */ routed?: readonly string[] }
export type WorldEndpoint = { address: string; port: number; hostId: string | null }
export type WorldService = { kind: 'service'; namespace: string; name: string; addresses: readonly string[]; externalName: string | null; localOnly: boolean; ports: readonly { name: string | null; protocol: 'tcp' | 'udp'; port: number; endpoints: readonly WorldEndpoint[] }[]; hosts: readonly { address: string }[] }
export type WorldPolicy = Policy & { kind: 'policy' }
export type WorldPeer = { kind: 'peer'; number: number; name: string; subnets: readonly string[] }
export type WorldObject = WorldNetwork | WorldPod | WorldService | WorldPolicy | WorldPeer

export type World = { network: WorldNetwork; pods: readonly WorldPod[]; services: readonly WorldService[]; peers: readonly WorldPeer[]; rules: NetworkRules }

/** One network's objects, sorted by kind. Throws a TypeError where the network itself is not among them. */
export function worldOf(objects: readonly WorldObject[]): World {
  const of = <K extends WorldObject['kind']>(kind: K) => objects.filter((one): one is Extract<WorldObject, { kind: K }> => one.kind === kind)
  const [network] = of('network')
  if (!network) throw new TypeError('objects of a network without the network')
  const peers = of('peer')
  const rules: NetworkRules = { subnets: network.subnets.map(({ cidr }) => cidr), routes: network.routes, peerSubnets: peers.flatMap(({ subnets }) => subnets), policies: of('policy') }
  return { network, pods: of('pod'), services: of('service'), peers, rules }
}

export const holdsAddress = (cidr: string, address: string): boolean => inSubnet(parseSubnet(cidr), parseIp(address))
/** An address in its one form, so that texts can be compared. */
export const canonical = (address: string): string => formatIp(parseIp(address))

/** The same network with floating addresses of IPv6 that are routed to its pods, by the pods' uid. */
export function withRoutedPods(world: World, routed: ReadonlyMap<string, readonly string[]>): World {
  const pods = world.pods.map((pod) => (routed.has(pod.uid) ? { ...pod, routed: routed.get(pod.uid) ?? [] } : pod))
  const all = pods.flatMap(({ addresses: [target], routed: own = [] }) => (target === undefined ? [] : own.map((address) => ({ address, target }))))
  return all.length === 0 ? world : { ...world, pods, rules: { ...world.rules, policies: withRoutedAddresses(world.rules.policies, all), routed: all.map(({ address }) => address) } }
}

export const podAt = ({ pods }: World, address: string): WorldPod | undefined => pods.find(({ addresses, routed }) => addresses.includes(address) || routed?.includes(address))
/** The address that a pod speaks from to another: what is inside of its network and its peers' hears its own there, all else of IPv6 what is routed to it. */
export function sourceTo({ rules }: World, { addresses, routed = [] }: WorldPod, to: string): string | undefined {
  const family = familyOf(to)
  const [own, outer] = [addresses.find((address) => familyOf(address) === family), routed.find((address) => familyOf(address) === family)]
  const isInside = [...rules.subnets, ...rules.peerSubnets, ...rules.routes.map(({ destination }) => destination)].some((cidr) => holdsAddress(cidr, to))
  return isInside ? own ?? outer : outer ?? own
}
export const podNamed = ({ pods }: World, namespace: string, name: string): WorldPod | undefined => pods.find((pod) => pod.namespace === namespace && pod.name === name)
export const serviceNamed = ({ services }: World, namespace: string, name: string): WorldService | undefined => services.find((one) => one.namespace === namespace && one.name === name)
