import type { UidRange } from './attachment'
import { UNREACHABLE_DESTINATIONS, UNREACHABLE_DESTINATIONS_6 } from './attachment'
import { EXTERNAL_DEVICE } from '@/host/external/names'
import { FLOATING_ARRIVAL, FLOATING_FORWARD, FLOATING_INPUT, FLOATING_SNAT } from './floating/floating-section'
import { ROUTER_ADDRESS_6, tapName, UPLINK_IN_NAMESPACE } from './names'
import { ofFamily, routedOf, type NetworkState } from './network-state'
import { NETWORK_TABLE, type NftChain, type NftSection, type NftSet, type NftTables } from './table/model'

/** The users whose packets the namespace tells apart: those that pods run as, and those that resolvers run as, if there are any. */
export type NamespaceUsers = { uids: UidRange; resolverUids: UidRange | null }

const set = (declaration: string, elements: readonly string[]): NftSet => ({ declaration, elements })
const chain = (...rules: string[]): NftChain => ({ rules })
const up = UPLINK_IN_NAMESPACE
const fromPod = 'iifname "tap*"'

/**
 * Connections that one pod may have begun at a time: those of a whole machine are in one table of its kernel, which must not be filled for all by one
 * pod. Each takes about 400 bytes there in each namespace that it passes (its own, a peer's, the host's for what goes outside).
 */
export const MAX_POD_CONNECTIONS = 16_384
/** Devices of a namespace that connections are counted of. */
const MAX_COUNTED_DEVICES = 4096

const answered = ['destination-unreachable', 'packet-too-big', 'time-exceeded', 'parameter-problem', 'echo-reply', 'nd-neighbor-advert']

/**
 * The base of the packet filter of one network's namespace. It names no device that must exist, so it may be loaded before the taps.
 *
 * Per pod one triple (tap, MAC, address) of each family is allowed as a sender, and in ARP; beside it addresses of the outside that are routed to the pod, and what lies behind it
 * by the network's routes. The rest is refused whatever the other sections say: DHCP, multicast, discovery but for questions to
 * the gateway, the namespace itself but for pings of the gateway and its resolver. What a pod's user sends from
 * inside the namespace (a QEMU that was broken into) never leaves. Chains of the other sections are jumped to where they are there.
 */
export function baseSection(state: NetworkState, users: NamespaceUsers, others: readonly NftSection[] = []): NftSection {
  const resolves = state.dns !== null && users.resolverUids !== null
  const there = new Set(others.flatMap(({ chains }) => [...chains?.keys() ?? []]))
  return { sets: baseSets(state), chains: new Map([...fromPodChains(), ...guards(state, users, resolves, (name) => (there.has(name) ? [`jump ${name}`] : []))]) }
}

function baseSets(state: NetworkState): Map<string, NftSet> {
  const { subnets, serviceCidrs, routes, ports } = state
  const routed = routedOf(state.floating)
  const routedTo = (port: { uid: string }) => routed.filter(({ podUid }) => podUid === port.uid).map(({ address }) => address)
  const sender = (tap: { uid: string; mac: string }, address: string) => `"${tapName(tap.uid)}" . ${tap.mac} . ${address}`
  const inside = [...subnets.map(({ cidr }) => cidr), ...serviceCidrs, ...routes.map(({ destination }) => destination)]
  const gateways = [...subnets.map(({ gateway }) => gateway), ...(routed.length > 0 ? [ROUTER_ADDRESS_6] : [])]
  const balancers = ports.filter(({ balancer }) => balancer)
  const behind = routes.flatMap(({ destination, via }) => ports.filter(({ address, ipv6 }) => address === via || ipv6?.address === via).map((port) => ({ destination, port })))
  const behindOf = (family: 4 | 6) => behind.filter(({ destination }) => ofFamily(family, [destination]).length > 0).map(({ destination, port }) => sender(port, withoutWholeLength(destination)))
  // Whatever is behind one device may speak for all that is.
  const endsOf = (family: 4 | 6) => ports.flatMap((port) => {
    const own = ofFamily(family, [port.address, ...(port.ipv6 ? [port.ipv6.address] : []), ...routedTo(port), ...behind.filter((one) => one.port === port).map(({ destination }) => withoutWholeLength(destination))])
    return own.flatMap((from) => own.map((end) => `${from} . ${end}`))
  })
  return new Map([
    ['senders', set('type ifname . ether_addr . ipv4_addr;', ports.map((port) => sender(port, port.address)))],
    ['senders6', set('type ifname . ether_addr . ipv6_addr;', ports.flatMap((port) => [...(port.ipv6 ? [port.ipv6.address] : []), ...routedTo(port)].map((own) => sender(port, own))))],
    ['routed', set('type ifname . ether_addr . ipv4_addr; flags interval;', behindOf(4))],
    ['routed6', set('type ifname . ether_addr . ipv6_addr; flags interval;', behindOf(6))],
    // Who may speak of a connection, and an end of it.
    ['ends', set('type ipv4_addr . ipv4_addr; flags interval;', endsOf(4))],
    ['ends6', set('type ipv6_addr . ipv6_addr; flags interval;', endsOf(6))],
    ['connections', set(`type ifname; size ${MAX_COUNTED_DEVICES}; flags dynamic;`, [])],
    ['subnets', set('type ipv4_addr; flags interval;', ofFamily(4, subnets.map(({ cidr }) => cidr)))],
    ['inside', set('type ipv4_addr; flags interval;', ofFamily(4, inside).map(withoutWholeLength))],
    ['gateways', set('type ipv4_addr;', ofFamily(4, gateways))],
    ['gateways6', set('type ipv6_addr;', ofFamily(6, gateways))],
    ['unreachable', set('type ipv4_addr; flags interval;', UNREACHABLE_DESTINATIONS)],
    ['unreachable6', set('type ipv6_addr; flags interval;', UNREACHABLE_DESTINATIONS_6)],
    ...(balancers.length > 0 ? [['balancers', set('type ifname;', balancers.map(({ uid }) => `"${tapName(uid)}"`))] as const] : []),
  ])
}

/** A subnet of one address is printed as that address. */
const withoutWholeLength = (cidr: string): string => cidr.replace(cidr.includes(':') ? /\/128$/ : /\/32$/, '')

/** What a pod may send, its sender being its own. Discovery is answered by the namespace alone, for its gateway; it goes no further. */
function fromPodChains(): [string, NftChain][] {
  return [
    ['from_pod', chain('udp dport { 67, 68 } drop', 'ip daddr @unreachable drop', 'fib daddr type { broadcast, anycast, multicast } drop', 'accept')],
    ['from_pod6', chain(
      'udp dport { 546, 547 } drop',
      'icmpv6 type nd-neighbor-solicit ip6 daddr ff02::1:ff00:0/104 accept',
      'icmpv6 type nd-neighbor-solicit fib daddr type local accept',
      'icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect, router-renumbering, mld2-listener-report } drop',
      'ip6 daddr @unreachable6 drop', 'fib daddr type { anycast, multicast } drop', 'accept',
    )],
    // The kernel asks only whether the connection is there that an error speaks of, not whether its sender has part in it.
    ['error_from_pod', chain(
      'ip saddr . ct original ip saddr @ends return', 'ip saddr . ct reply ip saddr @ends return',
      'ip6 saddr . ct original ip6 saddr @ends6 return', 'ip6 saddr . ct reply ip6 saddr @ends6 return', 'drop',
    )],
  ]
}

function guards({ transit, outbound, ports }: NetworkState, { uids, resolverUids }: NamespaceUsers, resolves: boolean, jump: (name: string) => string[]): [string, NftChain][] {
  const only = (holds: boolean, ...rules: string[]) => (holds ? rules : [])
  const resolver = ['ip daddr @gateways', 'ip6 daddr @gateways6'].map((to) => `${fromPod} ${to} meta l4proto { tcp, udp } th dport 53 accept`)
  const outside = transit !== null && outbound === 'nat'
  // A balancer's are bounded by itself: it has as many as its clients, and those that ended stay for minutes.
  const counted = ports.some(({ balancer }) => balancer) ? `${fromPod} iifname != @balancers` : fromPod
  const bounded = `${counted} ct state new add @connections { iifname ct count over ${MAX_POD_CONNECTIONS} } drop`
  const byResolver = resolverUids === null ? '' : `meta skuid ${resolverUids.first}-${resolverUids.last}`
  return [
    // Before fragments are put together: what comes of them has the sender of one and the device of another.
    ['arrival', { hook: 'type filter hook prerouting priority -450; policy drop;', rules: [
      // A resolver is of two processes, which speak to each other there.
      ...only(resolves, 'iifname "lo" accept'),
      `iifname "${up}" meta nfproto ipv4 ip saddr != @inside accept`,
      'iifname . ether saddr . ip saddr @senders accept',
      'iifname . ether saddr . ip6 saddr @senders6 accept',
      'iifname . ether saddr . ip saddr @routed accept',
      'iifname . ether saddr . ip6 saddr @routed6 accept',
      ...jump('peer_arrival'),
      ...jump(FLOATING_ARRIVAL),
    ] }],
    // After: only a whole packet has ports and types.
    ['content', { hook: 'type filter hook prerouting priority raw; policy accept;', rules: [`${fromPod} meta nfproto ipv4 jump from_pod`, `${fromPod} meta nfproto ipv6 jump from_pod6`] }],
    ['input', { hook: 'type filter hook input priority filter; policy drop;', rules: [
      'ct state invalid drop',
      ...jump(FLOATING_INPUT),
      bounded,
      `${fromPod} ip daddr @gateways icmp type echo-request accept`,
      `${fromPod} ip6 daddr @gateways6 icmpv6 type { echo-request, nd-neighbor-solicit } accept`,
      `${fromPod} icmpv6 type nd-neighbor-solicit ip6 daddr ff02::1:ff00:0/104 accept`,
      ...only(resolves, 'iifname "lo" accept', ...resolver, `iifname "${up}" ct direction reply ct state established,related accept`),
    ] }],
    ['forward', { hook: 'type filter hook forward priority filter; policy drop;', rules: [
      'ct state invalid drop',
      `${fromPod} ct state related jump error_from_pod`,
      ...jump('service_count'),
      // Both directions: a rule that goes cuts what is open at once.
      ...jump('policy_check'),
      'ct direction reply ct state established,related accept',
      bounded,
      ...jump('peer_forward'),
      ...jump(FLOATING_FORWARD),
      `${fromPod} oifname "tap*" accept`,
      ...only(outside, `${fromPod} oifname "${up}" ip saddr @subnets accept`),
    ] }],
    ['output', { hook: 'type filter hook output priority filter; policy drop;', rules: [
      `meta skuid ${uids.first}-${uids.last} drop`,
      ...only(resolves, `oifname "lo" ${byResolver} accept`),
      ...only(resolves, 'oifname "tap*" ct direction reply ct state established meta l4proto { tcp, udp } th sport 53 accept'),
      ...only(resolves && outside, `oifname "${up}" ${byResolver} meta l4proto { tcp, udp } th dport 53 accept`),
      'meta l4proto icmp accept',
      // How a service that takes no connections says so.
      'oifname "tap*" tcp flags & rst == rst accept',
      `oifname != "${up}" icmpv6 type { ${answered.join(', ')} } accept`,
    ] }],
    ['translate', { hook: 'type nat hook postrouting priority srcnat; policy accept;', rules: [...jump('service_snat'), ...jump(FLOATING_SNAT), ...only(outside, `oifname "${up}" ip saddr @subnets snat ip to ${transit}`)] }],
  ]
}

/** Which questions of ARP a namespace answers, and that it asks none. */
export function arpSection({ ports, routes, floating }: NetworkState): NftSection {
  const sender = ({ uid, mac }: { uid: string; mac: string }, address: string) => `"${tapName(uid)}" . ${mac} . ${mac} . ${address}`
  const senders = ports.map((port) => sender(port, port.address))
  // A pod that has such an address itself asks for its gateway in that address' name.
  const routed = routes.flatMap(({ destination, via }) => ports.filter(({ address }) => address === via).map((port) => sender(port, withoutWholeLength(destination))))
  const external = ofFamily(4, floating.map(({ address }) => address))
  const type = 'type ifname . ether_addr . ether_addr . ipv4_addr;'
  const from = (name: string) => `arp operation request iifname . ether saddr . arp saddr ether . arp saddr ip @${name} accept`
  return {
    sets: new Map([['senders', set(type, senders)], ...(routed.length === 0 ? [] : [['routed', set(`${type} flags interval;`, routed)] as const]), ...(external.length === 0 ? [] : [['floating', set('type ipv4_addr;', external)] as const])]),
    chains: new Map([
      ['input', { hook: 'type filter hook input priority filter; policy drop;', rules: [from('senders'), ...(routed.length === 0 ? [] : [from('routed')]), ...(external.length === 0 ? [] : [`iifname "${EXTERNAL_DEVICE}" arp operation request arp daddr ip @floating accept`])] }],
      ['output', { hook: 'type filter hook output priority filter; policy drop;', rules: ['arp operation reply oifname "tap*" accept', ...(external.length === 0 ? [] : [`arp operation reply oifname "${EXTERNAL_DEVICE}" accept`])] }],
    ]),
  }
}

/** The whole packet filter of a namespace: the base, and beside it the sections that others say. */
export function namespaceTables(state: NetworkState, users: NamespaceUsers, sections: readonly NftSection[]): NftTables {
  return new Map([[NETWORK_TABLE, [baseSection(state, users, sections), ...sections]], ['arp hypernetes', [arpSection(state)]]])
}
