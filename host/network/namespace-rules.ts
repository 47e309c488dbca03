import { UNREACHABLE_DESTINATIONS, type NetworkSpec, type PodPort, type UidRange } from './attachment'
import { tapName, UPLINK_IN_NAMESPACE } from './names'

/** What the packet filter of one network namespace depends on. `transit` is the network's address towards the host; null without outbound traffic. */
export type NamespaceRules = { network: NetworkSpec; transit: string | null; pods: readonly PodPort[]; uids: UidRange }

const elements = (values: readonly string[]) => (values.length === 0 ? '' : `\n    elements = { ${values.join(', ')} }`)

/**
 * The whole packet filter of one network namespace as input for `nft -f`. It replaces what was there in one
 * transaction and names no device that must exist, so it may be loaded before the taps.
 *
 * Per pod one triple (tap, MAC, address) is allowed as a sender, in IPv4 and in ARP; the rest is refused:
 * IPv6, DHCP, multicast, the namespace itself but for a ping of the gateway. What a pod's user sends from
 * inside the namespace (a QEMU that was broken into) never leaves.
 */
export function namespaceRules({ network, transit, pods, uids }: NamespaceRules): string {
  const up = UPLINK_IN_NAMESPACE
  const senders = pods.map((pod) => `"${tapName(pod.uid)}" . ${pod.mac} . ${pod.address}`)
  const arpSenders = pods.map((pod) => `"${tapName(pod.uid)}" . ${pod.mac} . ${pod.mac} . ${pod.address}`)
  const forwardOutside = transit === null ? '' : `
    iifname "tap*" oifname "${up}" ip saddr ${network.cidr} accept
    iifname "${up}" oifname "tap*" ct state established,related accept`
  const translation = transit === null ? '' : `
  chain translate {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${up}" ip saddr ${network.cidr} snat ip to ${transit}
  }
`
  return `flush ruleset
table inet hypernetes {
  set senders {
    type ifname . ether_addr . ipv4_addr${elements(senders)}
  }
  set unreachable {
    type ipv4_addr
    flags interval${elements(UNREACHABLE_DESTINATIONS)}
  }
  chain from_pod {
    udp dport { 67, 68 } drop
    ip daddr @unreachable drop
    fib daddr type { broadcast, anycast, multicast } drop
    accept
  }
  chain arrival {
    type filter hook prerouting priority raw; policy drop;
    iifname "${up}" meta nfproto ipv4 ip saddr != ${network.cidr} accept
    iifname . ether saddr . ip saddr @senders jump from_pod
  }
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "tap*" ip daddr ${network.gateway} icmp type echo-request accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "tap*" oifname "tap*" accept${forwardOutside}
  }
  chain output {
    type filter hook output priority filter; policy drop;
    meta skuid ${uids.first}-${uids.last} drop
    meta l4proto icmp accept
  }
${translation}}
table arp hypernetes {
  set senders {
    type ifname . ether_addr . ether_addr . ipv4_addr${elements(arpSenders)}
  }
  chain input {
    type filter hook input priority filter; policy drop;
    arp operation request iifname . ether saddr . arp saddr ether . arp saddr ip @senders accept
  }
  chain output {
    type filter hook output priority filter; policy drop;
    arp operation reply oifname "tap*" accept
  }
}
`
}
