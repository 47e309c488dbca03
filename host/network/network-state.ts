import type { NetworkBase, NetworkPeer, NetworkPod, NetworkPolicyObject, NetworkService } from '@/contracts/host/v1'
import type { PodPort } from './attachment'

/** A subnet of a network, of either family, and the gateway that pods have in it. */
export type NetworkSubnet = { readonly cidr: string; readonly gateway: string }

/**
 * All that a network's namespace on this host is made from: its pods here, and what the server says of the network. Sections of its packet
 * filter are pure functions of this. It is never changed, but replaced; lists that did not change are the same objects as before.
 */
export type NetworkState = {
  readonly id: string
  readonly number: number
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
  /** The pods of this host. */
  readonly ports: readonly PodPort[]
  /** The pods of all hosts. */
  readonly pods: readonly NetworkPod[]
  readonly services: readonly NetworkService[]
  readonly policies: readonly NetworkPolicyObject[]
  readonly peers: readonly NetworkPeer[]
}
