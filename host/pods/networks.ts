import type { Assignment, NetworkMessage } from '@/contracts/host/v1'
import type { Resolvers } from '@/host/dns/resolvers'
import type { NetworkObjects } from '@/host/ledger/network-objects'
import type { HostNetwork } from '@/host/network/host-network'
import type { Logger } from '@/platform/logger'

/** Who carries out what the server says of networks. */
export type NetworkParts = { kept: Pick<NetworkObjects, 'take' | 'keep'>; network: Pick<HostNetwork, 'applyObjects' | 'forgetObjects'>; resolvers: Pick<Resolvers, 'know' | 'forget'>; log: Pick<Logger, 'error'> }

/** What the server says of networks, on its way to the packet filter, the resolver and the disk. */
export class Networks {
  constructor(private readonly parts: NetworkParts) {}

  /** A message is known to the network before this returns, so that a pod that is placed after it finds its rules. */
  take(message: NetworkMessage): void {
    const { kept, network, resolvers, log } = this.parts
    const { networkId } = message
    // What could not be carried out is repaired with the network's next look at its kernel.
    network.applyObjects(networkId, message).catch((error: unknown) => log.error({ err: error, network: networkId }, 'what the server said of a network could not be carried out'))
    resolvers.know(networkId, kept.take(message))
  }

  /** Forgets the networks of which neither the desired set nor this host (`held`) has a pod. */
  keep(assignments: readonly Assignment[], held: Iterable<string>): void {
    const { kept, network, resolvers } = this.parts
    for (const id of kept.keep(new Set([...assignments.map((one) => one.network.id), ...held]))) {
      network.forgetObjects(id)
      resolvers.forget(id)
    }
  }
}
