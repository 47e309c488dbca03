import type { NetworkMessage, NetworkObject } from '@/contracts/host/v1/networks'
import { listed, mayRestrict, withMessage, type NetworkObjects } from './network-objects'

/** All that is known of a network after a message, and whether that forbids something that was not forbidden before. */
export type TakenObjects = { objects: readonly NetworkObject[]; restricts: boolean }

/** More than one host ever has; what comes from the server is bounded. */
const MAX_NETWORKS = 10_000

/** What the server said of networks, by their id; also of those that have no pod here yet. */
export class KnownObjects {
  private readonly objects = new Map<string, NetworkObjects>()
  /** Networks of which something was said that is not known: nothing passes there until all of it is said. */
  private readonly closed = new Set<string>()

  of(networkId: string): NetworkObjects | undefined {
    return this.objects.get(networkId)
  }

  isClosed(networkId: string): boolean {
    return this.closed.has(networkId)
  }

  /** Takes a message. Throws an Error for changes of a network of which nothing or not all is known, and for more than is kept: then the network is closed. */
  take(networkId: string, message: NetworkMessage): TakenObjects & { kept: NetworkObjects } {
    const known = this.objects.get(networkId)
    try {
      if (!known && this.objects.size >= MAX_NETWORKS) throw new Error(`objects of more than ${MAX_NETWORKS} networks; those of network ${networkId} are not taken`)
      if (!message.complete && this.closed.has(networkId)) throw new Error(`changes of network ${networkId} came before all of it, which is not known any more`)
      const kept = withMessage(known, message)
      this.objects.set(networkId, kept)
      this.closed.delete(networkId)
      return { kept, objects: listed(kept), restricts: mayRestrict(known, kept) }
    } catch (error) {
      this.closed.add(networkId)
      throw error
    }
  }

  /** Something was said of the network that is not known any more. */
  close(networkId: string): void {
    this.closed.add(networkId)
  }

  forget(networkId: string): void {
    this.objects.delete(networkId)
    this.closed.delete(networkId)
  }
}
