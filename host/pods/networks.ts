import type { Assignment } from '@/contracts/host/v1'
import type { NetworkMessage } from '@/contracts/host/v1/networks'
import type { Resolvers } from '@/host/dns/resolvers'
import type { NetworkObjects } from '@/host/ledger/network-objects'
import type { HostNetwork } from '@/host/network/host-network'
import type { Logger } from '@/platform/logger'

/** Who carries out what the server says of networks. */
export type NetworkParts = { kept: Pick<NetworkObjects, 'put' | 'lose' | 'keep'>; network: Pick<HostNetwork, 'takeObjects' | 'carryOut' | 'forgetObjects'>; resolvers: Pick<Resolvers, 'know' | 'forget'>; log: Pick<Logger, 'error'> }

/** What the server says of networks, on its way to the packet filter, the resolver and the disk. */
export class Networks {
  /** Networks of which something was refused since all of them was taken last. */
  private readonly refused = new Set<string>()
  constructor(private readonly parts: NetworkParts) {}

  /**
   * A message is known to the network before this returns, so that a pod that is placed after it finds its rules. What is refused changes neither the resolver nor what
   * is kept; nothing passes in the network then. Throws where the server shall say all of it again: once until it is taken, so that what
   * would be refused again is not asked for without end.
   */
  take(message: NetworkMessage): void {
    const { kept, network, resolvers, log } = this.parts
    const { networkId } = message
    // What could not be carried out is repaired with the network's next look at its kernel.
    const carryOut = (written: Promise<void>) => void network.carryOut(networkId, written).catch((error: unknown) => log.error({ err: error, network: networkId }, 'what the server said of a network could not be carried out'))
    try {
      const { objects, restricts } = network.takeObjects(networkId, message)
      this.refused.delete(networkId)
      // On disk first: an agent that is killed leaves no rules in force of which the next one does not know.
      carryOut(kept.put(networkId, objects, restricts))
      resolvers.know(networkId, objects)
    } catch (error) {
      log.error({ err: error, network: networkId }, 'what the server said of a network is refused: its pods reach nothing until all of it is said')
      carryOut(kept.lose(networkId))
      const isNews = !this.refused.has(networkId)
      this.refused.add(networkId)
      if (isNews && !message.complete) throw error
    }
  }

  /** Forgets the networks of which neither the desired set nor this host (`held`) has a pod. */
  keep(assignments: readonly Assignment[], held: Iterable<string>): void {
    const { kept, network, resolvers } = this.parts
    for (const id of kept.keep(new Set([...assignments.map((one) => one.network.id), ...held]))) {
      this.refused.delete(id)
      network.forgetObjects(id)
      resolvers.forget(id)
    }
  }
}

/** Tells the network of an agent that starts what an earlier one kept, before its pods are taken up. What is lost, or not taken, is closed. */
export function restoreNetworks(kept: Pick<NetworkObjects, 'complete' | 'lost'>, network: Pick<HostNetwork, 'takeObjects' | 'closeNetwork'>, log: Pick<Logger, 'error'>): void {
  for (const networkId of kept.lost()) network.closeNetwork(networkId)
  for (const message of kept.complete()) {
    try {
      network.takeObjects(message.networkId, message)
    } catch (error) {
      log.error({ err: error, network: message.networkId }, 'what was kept of a network is not taken: its pods reach nothing until the server says it again')
    }
  }
}
