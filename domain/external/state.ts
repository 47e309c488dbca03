import type { CompiledBalancer } from '../load-balancer/compiled'
import type { EndpointSubset } from '../service/endpoints'
import type { ServicePort } from '../service/spec'

/** An address that a pod of the host holds; `podAddress` is the pod's own: of IPv4 for an address of IPv4; for one of IPv6, which is routed as it is, of IPv6 where the pod has one, else of IPv4. */
export type StateFloating = { uid: string; poolId: string; address: string; networkId: string; podUid: string; podAddress: string }
/** A balancer that is bound to the host; `addresses` are those that it may answer for here. `inner` and `mac` are its own in its tenant's network. */
export type StateBalancer = {
  uid: string; tenantId: string; namespace: string; name: string; number: number; compiled: CompiledBalancer
  network: { uid: string; number: number; mtu: number; outbound: 'nat' | 'none'; subnets: { cidr: string; gateway: string }[] }
  inner: string[]; mac: string; addresses: { address: string; poolId: string }[]
}
/** Ports and endpoints of a service that a balancer stands before. `hasSelector`: its endpoints are pods, and one whose pod has gone is none. */
export type StateBackendService = { namespace: string; name: string; ports: ServicePort[]; hasSelector: boolean; subsets: EndpointSubset[] }
export type StatePool = { uid: string; name: string; cidr: string; gateway: string }

/** What one host may answer for on the outside at one time. */
export type ExternalState = {
  pools: StatePool[]
  floating: StateFloating[]
  balancers: StateBalancer[]
  /** By tenant, namespace and name: `tenant/namespace/name`. */
  services: ReadonlyMap<string, StateBackendService>
  /** Of the pods that endpoints name, those that are there, each with the weight that its annotation asks for, or null. */
  weights: ReadonlyMap<string, number | null>
  /** Whether another host could take over: a host that hears nothing of the server stops by itself then. */
  others: boolean
}
