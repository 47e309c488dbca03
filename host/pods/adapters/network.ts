import { addressesOf, type Attachment } from '@/host/network/attachment'
import type { Resolvers } from '@/host/dns/resolvers'
import type { HostNetwork } from '@/host/network/host-network'
import type { NetworkPort, PodIdentity } from '../ports'

/** A pod's place in its network, in the words of the host's network. */
export function attachment({ uid, network, vmUid }: Pick<PodIdentity, 'uid' | 'network' | 'vmUid'>): Attachment {
  const { id, number, cidr, gateway, outbound, mtu, ipv6, bandwidth, address, prefixLength, mac } = network
  return {
    network: { id, number, cidr, gateway, outbound, ...(mtu === undefined ? {} : { mtu }), ...(ipv6 ? { ipv6: { cidr: ipv6.cidr, gateway: ipv6.gateway } } : {}) },
    pod: { uid, address, prefixLength, mac, runAsUid: vmUid, ...(ipv6 ? { ipv6: { address: ipv6.address, prefixLength: ipv6.prefixLength } } : {}), ...(bandwidth ? { bandwidth } : {}) },
  }
}

/** The host's network as workers use it. A pod waits for its place, and not for the resolver there: that one starts beside it. `lost`: no machine is behind these addresses of a network any more, unless one `isBack`, for the lowest free address is the next pod's. */
export function networkPort(network: Pick<HostNetwork, 'beginAttach' | 'detach' | 'portOf'>, resolvers: Pick<Resolvers, 'attached' | 'detached' | 'hostNameservers'>, lost: (networkId: string, addresses: readonly string[], isBack: (address: string) => boolean) => void): NetworkPort {
  /** Those that pods came to, by their network. */
  const attached = new Set<string>()
  const placeOf = (networkId: string, address: string) => `${networkId} ${address}`
  return {
    attach: async (pod) => {
      const { domain = null, gateway, dns, mac, id } = pod.network
      const place = attachment(pod)
      const { port, ready } = await network.beginAttach(place)
      for (const address of addressesOf(place.pod)) attached.add(placeOf(id, address))
      if (domain !== null) ready.then(() => resolvers.attached({ uid: pod.uid, networkId: id, namespace: port.netns }), () => {})
      return { namespace: port.netns, tap: port.tap, mac, mtu: port.mtu, dns: domain === null ? dns : [gateway], hostDns: resolvers.hostNameservers, domain, ready }
    },
    detach: async (pod) => {
      const port = network.portOf(pod.uid)
      const [{ id }, addresses] = [pod.network, port ? addressesOf(port) : []]
      for (const address of addresses) attached.delete(placeOf(id, address))
      if (port) lost(id, addresses, (address) => attached.has(placeOf(id, address)))
      try {
        await network.detach(pod.uid)
      } finally {
        await resolvers.detached(pod.uid)
      }
    },
  }
}
