import type { FloatingTarget } from '@/domain/floating-address/spec'
import type { BalancerSource } from '@/domain/load-balancer/view'
import type { Family } from '@/domain/shared/ip'

export type FamilyName = 'IPv4' | 'IPv6'
/** What asks for a balancer. `named`: the FloatingAddress of its annotation, `ips`: what loadBalancerIP and externalIPs name, `family`: that of the address that is taken for it, where it can be; null: IPv4. `both`: whether one of the other family is taken, too, where that can be, or must be. `compiled`: a digest of what it compiles to; null: to nothing, and `problem` says why. */
export type WorldSource = { kind: BalancerSource; uid: string; namespace: string; name: string; generation: number; networkId: string; named: string | null; ips: string[]; family: FamilyName | null; both: 'preferred' | 'required' | null; compiled: string | null; problem: string; warning: string }
/** A tenant's address, as its row is. `target`: as its spec says. */
export type WorldAddress = { uid: string; name: string; address: string; family: Family; generation: number; target: FloatingTarget | null; managed: boolean; deleted: boolean; podUid: string | null; balancerUid: string | null; hostId: string | null }
/** `inner`: its addresses in the network; none: `refusal` says why. `same`: what is stored of it is what `compiled` of its source says. `reach`: the hosts with ready endpoints of its services; none: there are no endpoints, or some that are of no host. */
export type WorldBalancer = { uid: string; kind: BalancerSource; sourceUid: string; namespace: string; name: string; generation: number; networkId: string; same: boolean; inner: string[]; refusal: string; hostId: string | null; leaving: boolean; report: { phase: string; reason: string; message: string } | null; reach: ReadonlySet<string> }
/** A pod that an address leads to or shall lead to. */
export type WorldPod = { uid: string; namespace: string; name: string; hostId: string | null; addresses: string[] }
/** `lost`: silent for longer than it may answer for anything, so that another may. `balancers`: how many it runs, of all tenants; `networks`: those of this tenant with pods on it. */
export type WorldHost = { id: string; name: string; ready: boolean; capable: boolean; cordoned: boolean; lost: boolean; balancers: number; networks: ReadonlySet<string> }

/** All that one tenant has on the outside, at one time. Sources and addresses are in the order of their age. */
export type World = { sources: WorldSource[]; addresses: WorldAddress[]; balancers: WorldBalancer[]; pods: WorldPod[]; hosts: WorldHost[] }
