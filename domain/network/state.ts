import type { NetworkPolicySpec } from '../network-policy/spec'
import type { SecurityGroupSpec } from '../security-group/spec'
import type { EndpointSubset } from '../service/endpoints'
import type { ServiceSpec } from '../service/spec'
import type { Labels } from '../shared/names'
import type { NetworkSpec } from './spec'

/** A pod of a network with an address. `hostname` and `subdomain` are its spec's; `ports` are those that its containers name. */
export type StatePod = { uid: string; namespace: string; name: string; labels: Labels; hostId: string | null; hostname: string | null; subdomain: string | null; securityGroups: string[]; addresses: string[]; ports: { name: string; protocol: 'TCP' | 'UDP'; port: number }[] }
/** `addresses` are its own, of both families. */
export type StateService = { uid: string; namespace: string; name: string; spec: ServiceSpec; addresses: string[] }
export type StateEndpoints = { uid: string; namespace: string; name: string; subsets: EndpointSubset[] }
export type StateGroup = { uid: string; name: string; spec: SecurityGroupSpec }
export type StatePolicy = { uid: string; namespace: string; name: string; spec: NetworkPolicySpec }
/** Another network that this one may talk with now; `uid` is that network's. */
export type StatePeer = { uid: string; number: number; name: string; spec: NetworkSpec }

/** All that is in one network at one time, on whichever host, with the namespaces that use it. */
export type NetworkState = {
  network: { uid: string; number: number; name: string; tenantId: string; spec: NetworkSpec }
  namespaces: { name: string; labels: Labels }[]
  pods: StatePod[]
  services: StateService[]
  endpoints: StateEndpoints[]
  groups: StateGroup[]
  policies: StatePolicy[]
  peers: StatePeer[]
}
