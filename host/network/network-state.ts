import type { NetworkBase, NetworkPeer, NetworkPod, NetworkPolicyObject, NetworkService } from '@/contracts/host/v1'
import { parseSubnet, subnetsOverlap } from '@/domain/shared/ip'
import type { Attachment, PodPort } from './attachment'
import { POD_MTU } from './names'
import { NO_OBJECTS, type NetworkObjects } from './network-objects'

/** A subnet of a network, of either family, and the gateway that pods have in it. */
export type NetworkSubnet = { readonly cidr: string; readonly gateway: string }

/**
 * All that a network's namespace on this host is made from: its pods here, and what the server says of the network. Sections of its packet
 * filter are pure functions of this. It is never changed, but replaced; lists that did not change are the same objects as before.
 */
export type NetworkState = {
  readonly id: string
  readonly number: number
  /** What the server said of the network itself; null: nothing yet, and the rest is what its pods' places say. */
  readonly base: NetworkBase | null
  readonly subnets: readonly NetworkSubnet[]
  /** Where services have their addresses; empty before the server said it. */
  readonly serviceCidrs: readonly string[]
  readonly routes: NetworkBase['routes']
  readonly outbound: 'nat' | 'none'
  /** The largest packet of a pod, in bytes. */
  readonly mtu: number
  /** Null: the network has no resolver. */
  readonly dns: NetworkBase['dns'] | null
  /** The network's address towards the host, which outbound traffic is translated to; null without. */
  readonly transit: string | null
  /** The pods of this host; the same list as long as they are the same. */
  readonly ports: readonly PodPort[]
  /** The pods of all hosts. */
  readonly pods: readonly NetworkPod[]
  readonly services: readonly NetworkService[]
  readonly policies: readonly NetworkPolicyObject[]
  readonly peers: readonly NetworkPeer[]
}

/** A network's identity, and what it is where the server said nothing of it yet. */
export type NetworkIdentity = Pick<Attachment['network'], 'id' | 'number' | 'outbound' | 'mtu'>

/**
 * What the namespace of a network should hold. What the server says of the network goes before what a pod's place says, which may be
 * older; a subnet that a pod is in stays while it is. Throws an Error where places and the server's words contradict each other.
 */
export function networkState(identity: NetworkIdentity, attached: readonly Attachment[], objects: NetworkObjects = NO_OBJECTS): NetworkState {
  const { network: base, pods, services, policies, peers } = objects
  return {
    id: identity.id,
    number: identity.number,
    base,
    subnets: allSubnets(identity.number, base, attached),
    serviceCidrs: base?.serviceCidrs ?? [],
    routes: base?.routes ?? [],
    outbound: base?.outbound ?? identity.outbound,
    mtu: base?.mtu ?? identity.mtu ?? POD_MTU,
    dns: base?.dns ?? null,
    transit: null,
    ports: portsOf(attached),
    pods, services, policies, peers,
  }
}

const knownPorts = new WeakMap<readonly Attachment[], readonly PodPort[]>()

function portsOf(attached: readonly Attachment[]): readonly PodPort[] {
  const ports = knownPorts.get(attached) ?? attached.map(({ pod }) => pod)
  knownPorts.set(attached, ports)
  return ports
}

function allSubnets(number: number, base: NetworkBase | null, attached: readonly Attachment[]): NetworkSubnet[] {
  const subnets = new Map<string, NetworkSubnet>()
  const take = (cidr: string, gateway: string) => {
    const known = subnets.get(cidr)
    if (known && known.gateway !== gateway) throw new Error(`network ${number} has ${cidr} with gateway ${known.gateway}, and with ${gateway}: a gateway does not change while pods are in its subnet`)
    if (known) return
    const clash = [...subnets.keys()].find((other) => subnetsOverlap(parseSubnet(other), parseSubnet(cidr)))
    if (clash !== undefined) throw new Error(`network ${number} runs with ${clash}, which ${cidr} overlaps: a subnet does not change while pods are in it`)
    subnets.set(cidr, { cidr, gateway })
  }
  for (const { cidr, gateway } of base?.subnets ?? []) take(cidr, gateway)
  for (const { network: { cidr, gateway, ipv6 } } of attached) {
    take(cidr, gateway)
    if (ipv6) take(ipv6.cidr, ipv6.gateway)
  }
  return [...subnets.values()]
}

/** The subnets, gateways or addresses of one family. */
export const ofFamily = (family: 4 | 6, texts: readonly string[]): string[] => texts.filter((text) => text.includes(':') === (family === 6))
