import type { Attachment } from '@/host/network/attachment'
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

/** The host's network as workers use it. */
export function networkPort(network: HostNetwork): NetworkPort {
  return {
    attach: async (pod) => {
      const { port, ready } = await network.beginAttach(attachment(pod))
      return { namespace: port.netns, tap: port.tap, mac: pod.network.mac, mtu: port.mtu, dns: pod.network.dns, ready }
    },
    detach: (pod) => network.detach(pod.uid),
  }
}
