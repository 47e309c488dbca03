import type { NetworkBase, NetworkPeer, NetworkPod, NetworkPolicyObject, NetworkService } from '@/contracts/host/v1/networks'
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
  /** Addresses of the outside that lead to pods of this host, in a fixed order; empty while there is no link towards them. */
  readonly floating: readonly FloatingBinding[]
  /** The link towards the outside: its MAC address here, and its router's; null without. */
  readonly external: { readonly mac: string; readonly routerMac: string } | null
}

/** An address of the outside and an address of the pod that it leads to: of IPv4 both, and the one is translated to the other; one of IPv6 is routed to the pod as it is, whatever else that has. */
export type FloatingBinding = { readonly uid: string; readonly address: string; readonly podUid: string; readonly target: string }

/** The addresses of the outside that are translated, and those that are routed. */
export const translatedOf = <T extends Pick<FloatingBinding, 'address'>>(floating: readonly T[]): T[] => floating.filter(({ address }) => !address.includes(':'))
export const routedOf = <T extends Pick<FloatingBinding, 'address'>>(floating: readonly T[]): T[] => floating.filter(({ address }) => address.includes(':'))

/** A network's identity, and what it is where the server said nothing of it yet. */
export type NetworkIdentity = Pick<Attachment['network'], 'id' | 'number' | 'outbound' | 'mtu'>

/**
 * What the namespace of a network should hold. What the server says of the network goes before what a pod's place says, which may be
 * older; but a subnet that a pod is in stays while it is, and what contradicts it waits ({@link contradictions}). Throws an Error where places contradict each other.
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
    floating: [],
    external: null,
  }
}

const knownPorts = new WeakMap<readonly Attachment[], readonly PodPort[]>()

function portsOf(attached: readonly Attachment[]): readonly PodPort[] {
  const ports = knownPorts.get(attached) ?? attached.map(({ pod }) => pod)
  knownPorts.set(attached, ports)
  return ports
}

function allSubnets(number: number, base: NetworkBase | null, attached: readonly Attachment[]): NetworkSubnet[] {
  const inUse = subnetsInUse(number, attached)
  const said = (base?.subnets ?? []).filter((subnet) => contradiction(number, inUse.values(), subnet) === null).map(({ cidr, gateway }) => ({ cidr, gateway }))
  const known = new Set(said.map(({ cidr }) => cidr))
  return [...said, ...[...inUse.values()].filter(({ cidr }) => !known.has(cidr))]
}

function subnetsInUse(number: number, attached: readonly Attachment[]): Map<string, NetworkSubnet> {
  const subnets = new Map<string, NetworkSubnet>()
  for (const { network: { cidr, gateway, ipv6 } } of attached) {
    for (const subnet of [{ cidr, gateway }, ...(ipv6 ? [{ cidr: ipv6.cidr, gateway: ipv6.gateway }] : [])]) {
      if (subnets.get(subnet.cidr)?.gateway === subnet.gateway) continue
      const against = contradiction(number, subnets.values(), subnet)
      if (against !== null) throw new Error(against)
      subnets.set(subnet.cidr, subnet)
    }
  }
  return subnets
}

function contradiction(number: number, inUse: Iterable<NetworkSubnet>, { cidr, gateway }: NetworkSubnet): string | null {
  for (const known of inUse) {
    if (known.cidr === cidr && known.gateway === gateway) continue
    if (known.cidr === cidr) return `network ${number} has ${cidr} with gateway ${known.gateway}, and with ${gateway}: a gateway does not change while pods are in its subnet`
    if (subnetsOverlap(parseSubnet(known.cidr), parseSubnet(cidr))) return `network ${number} runs with ${known.cidr}, which ${cidr} overlaps: a subnet does not change while pods are in it`
  }
  return null
}

/** What the server says of a network's subnets that waits until pods of another mind are gone. */
export function contradictions({ number }: NetworkIdentity, attached: readonly Attachment[], { network: base }: NetworkObjects): string[] {
  const inUse = subnetsInUse(number, attached)
  return (base?.subnets ?? []).flatMap((subnet) => contradiction(number, inUse.values(), subnet) ?? [])
}

/** The subnets, gateways or addresses of one family. */
export const ofFamily = (family: 4 | 6, texts: readonly string[]): string[] => texts.filter((text) => text.includes(':') === (family === 6))
