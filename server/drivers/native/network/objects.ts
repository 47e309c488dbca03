import type { NetworkBase, NetworkObject, NetworkPeer, NetworkPod } from '@/contracts/host/v1/networks'
import { overlapOf } from '@/domain/network-peering/overlap'
import { serviceSubnets, subnetsOf } from '@/domain/network/spec'
import type { NetworkState, StatePeer, StatePod } from '@/domain/network/state'
import { Members } from './members'
import { groupObjects, policyObjects } from './policies'
import { isShortened, serviceObject, sizeOf } from './services'

/** Beyond so many endpoints of all ports together (some 20 MB of messages), the services that come last have none. */
export const maxEndpointsOfNetwork = 200_000

/**
 * What hosts are told of a network with pods on them: the network itself, and its peers, policies, services and pods, on whichever host. Selectors
 * and names have become addresses here: a host carries out what it is told and looks nothing up. Pure; rows are never changed in place, so that of
 * the same row (NetworkStateCache) comes the same object.
 */
export const toNetworkObjects = (state: NetworkState): NetworkObject[] => makeNetworkObjects(state).objects

/** What had no room: at least how many rules, and of which policies, how many pods of named ports, the services without endpoints, and those that have not all of them. It lets nothing through. */
export type LeftOut = { rules: number; policies: string[]; pods: number; services: { namespace: string; name: string }[]; shortened?: { namespace: string; name: string }[] }

/** The same, with what had no room in it. */
export function makeNetworkObjects(state: NetworkState): { objects: NetworkObject[]; leftOut: LeftOut } {
  const members = new Members(state)
  const pods = new Map(state.pods.map((pod) => [pod.uid, pod]))
  const endpoints = new Map(state.endpoints.map((one) => [`${one.namespace}/${one.name}`, one]))
  let room = maxEndpointsOfNetwork
  const services: LeftOut['services'] = []
  const objects: NetworkObject[] = [
    networkObject(state.network),
    // Between a change of subnets and the controller's word on it: an address of the network's own is never another's.
    ...apart(state).map(peerObject),
    ...state.groups.flatMap((group) => groupObjects(group, members)),
    ...state.policies.flatMap((policy) => policyObjects(policy, members)),
    ...state.services.map((service) => {
      const own = endpoints.get(`${service.namespace}/${service.name}`)
      room -= sizeOf(own)
      if (room < 0) services.push({ namespace: service.namespace, name: service.name })
      return serviceObject(service, room >= 0 ? own : undefined, pods, state.network)
    }),
    ...state.pods.map(podObject),
  ]
  const shortened = objects.flatMap((object) => (object.kind === 'service' && isShortened(object) ? [{ namespace: object.namespace, name: object.name }] : []))
  return { objects, leftOut: { rules: members.rulesLeftOut, policies: [...members.cut], pods: members.podsLeftOut, services, ...(shortened.length > 0 ? { shortened } : {}) } }
}

function networkObject({ number, name, tenantId, spec }: NetworkState['network']): NetworkBase {
  const { routes, outbound, mtu, dns } = spec
  return { kind: 'network', number, name, tenantId, subnets: subnetsOf(spec).map(({ name: subnet, cidr, gateway }) => ({ name: subnet, cidr, gateway })), serviceCidrs: serviceSubnets(spec), routes, outbound, mtu, dns }
}

/** The peers that share no address with the network or with one before them, in the order of their peerings' age. */
function apart({ network, peers }: NetworkState): StatePeer[] {
  const kept: StatePeer[] = []
  for (const peer of peers) if (![network, ...kept].some(({ spec }) => overlapOf(spec, peer.spec))) kept.push(peer)
  return kept
}

const peerObject = ({ uid, number, name, spec }: StatePeer): NetworkPeer => ({ kind: 'peer', uid, number, name, subnets: subnetsOf(spec).map(({ cidr }) => cidr) })

const pods = new WeakMap<StatePod, NetworkPod>()
/** Of the same row the same object, as with services. */
function podObject(pod: StatePod): NetworkPod {
  const { uid, namespace, name, hostname, subdomain, hostId, addresses } = pod
  const object = pods.get(pod) ?? { kind: 'pod', uid, namespace, name, hostname: (hostname ?? name).slice(0, 63), subdomain, hostId, addresses }
  pods.set(pod, object)
  return object
}
