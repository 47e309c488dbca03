import { arp, discovery, ethernet, icmp, icmp6, ipv4, ipv4Bytes, ipv6, tcpSyn, udp, udpOver6, type Ipv4 } from './frames'

export type Station = { mac: string; address: string }
/** Who is where, as the attacker sees it: its own pod, one beside it, and their gateway. `closed` are addresses that no pod may reach. `six`: the same three in IPv6, where the network has it. */
export type Situation = { six?: { own: string; neighbour: string; gateway: string }; own: Station; neighbour: Station; gateway: Station; subnetBroadcast: string; closed: readonly string[] }

export type Attempt = {
  name: string
  frames: (marker: Buffer, at: Situation) => Buffer[]
  /** Not even an answer may come. Else an ICMP error back to the pod is no harm. */
  unanswered?: boolean
}

const everybody = 'ff:ff:ff:ff:ff:ff'
const [tag, outerTag] = [0x8100, 0x88a8]
const [typeIpv4, typeArp, typeIpv6] = [0x0800, 0x0806, 0x86dd]
const linkLocal = 'fe80::c0:ff:fe00:5'

/** A datagram to the neighbour by way of the gateway, as an honest pod sends it but for what is said. */
function datagram(marker: Buffer, { own, neighbour, gateway }: Situation, { source = own.mac, target = gateway.mac, tags = [], ...packet }: Partial<Ipv4> & { source?: string; target?: string; tags?: readonly (readonly [number, number])[] } = {}): Buffer {
  return ethernet(target, source, typeIpv4, ipv4({ from: own.address, to: neighbour.address, payload: udp(4000, 4000, marker), ...packet }), tags)
}

const arpFrom = (source: string, target: string, message: Parameters<typeof arp>[0], marker: Buffer): Buffer => ethernet(target, source, typeArp, arp(message, marker))
const six = (marker: Buffer, { own, gateway }: Situation, from: string, to: string, target = gateway.mac): Buffer => ethernet(target, own.mac, typeIpv6, ipv6(from, to, 17, udp(4000, 4000, marker)))
const ofType = (type: number, target: string): Attempt['frames'] => (marker, { own }) => [ethernet(target, own.mac, type, Buffer.concat([Buffer.from([1, 0, 0, 16]), marker]))]

/** What an honest pod may send; it arrives. */
export const honest: Attempt['frames'] = (marker, at) => [datagram(marker, at)]

const senders: Attempt[] = [
  { name: 'the neighbour’s MAC as the sender', frames: (m, at) => [datagram(m, at, { source: at.neighbour.mac })] },
  { name: 'the gateway’s MAC as the sender', frames: (m, at) => [datagram(m, at, { source: at.gateway.mac })] },
  { name: 'a MAC of nobody as the sender', frames: (m, at) => [datagram(m, at, { source: '02:00:00:00:99:99' })] },
  { name: 'an unused address of the network as the source', frames: (m, at) => [datagram(m, at, { from: '10.0.0.200' })] },
  { name: 'the neighbour’s address as the source', frames: (m, at) => [datagram(m, at, { from: at.neighbour.address }), datagram(m, at, { from: at.neighbour.address, source: at.neighbour.mac })] },
  { name: 'the gateway’s address as the source', frames: (m, at) => [datagram(m, at, { from: at.gateway.address }), datagram(m, at, { from: at.gateway.address, source: at.gateway.mac })] },
  { name: 'an address of another network as the source', frames: (m, at) => [datagram(m, at, { from: '10.3.0.5' }), datagram(m, at, { from: '100.64.0.7' })] },
  { name: 'an address of the outside as the source', frames: (m, at) => [datagram(m, at, { from: '203.0.113.99' })] },
  { name: 'loopback, nobody, everybody or a group as the source', frames: (m, at) => ['127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.1'].map((from) => datagram(m, at, { from })) },
  { name: 'a redirect in the gateway’s name', frames: (m, at) => [datagram(m, at, { from: at.gateway.address, protocol: 1, payload: icmp(5, 1, Buffer.concat([ipv4Bytes(at.own.address), m])) })] },
]

const addressResolution: Attempt[] = [
  { name: 'an ARP request in the gateway’s name', unanswered: true, frames: (m, { own, neighbour, gateway }) => [own.mac, gateway.mac].map((mac) => arpFrom(own.mac, everybody, { operation: 'request', senderMac: mac, sender: gateway.address, target: neighbour.address }, m)) },
  { name: 'an ARP request in the neighbour’s name', unanswered: true, frames: (m, { own, neighbour, gateway }) => [own.mac, neighbour.mac].map((mac) => arpFrom(mac, everybody, { operation: 'request', senderMac: mac, sender: neighbour.address, target: gateway.address }, m)) },
  { name: 'an ARP request that names another MAC than its frame', unanswered: true, frames: (m, { own, neighbour }) => [arpFrom(own.mac, everybody, { operation: 'request', senderMac: '02:00:00:00:99:99', sender: own.address, target: neighbour.address }, m)] },
  { name: 'a gratuitous ARP for the neighbour’s or the gateway’s address', unanswered: true, frames: (m, { own, neighbour, gateway }) => [neighbour, gateway].flatMap(({ address }) => (['request', 'reply'] as const).map((operation) => arpFrom(own.mac, everybody, { operation, senderMac: own.mac, sender: address, target: address }, m))) },
  {
    name: 'ARP replies that nobody asked for',
    unanswered: true,
    frames: (m, { own, neighbour, gateway }) => [
      arpFrom(own.mac, gateway.mac, { operation: 'reply', senderMac: own.mac, sender: neighbour.address, targetMac: gateway.mac, target: gateway.address }, m),
      arpFrom(own.mac, neighbour.mac, { operation: 'reply', senderMac: own.mac, sender: gateway.address, targetMac: neighbour.mac, target: neighbour.address }, m),
      arpFrom(own.mac, everybody, { operation: 'reply', senderMac: own.mac, sender: own.address, target: neighbour.address }, m),
    ],
  },
]

const versionSix: Attempt[] = [
  { name: 'any IPv6, of its own link or of another’s address', unanswered: true, frames: (m, at) => [six(m, at, linkLocal, 'fe80::1'), six(m, at, 'fd00::5', 'fd00::6'), six(m, at, '2001:db8::1', 'fd00::6', at.neighbour.mac)] },
  { name: 'IPv6 to all nodes and all routers', unanswered: true, frames: (m, at) => [six(m, at, linkLocal, 'ff02::1', '33:33:00:00:00:01'), six(m, at, linkLocal, 'ff02::2', '33:33:00:00:00:02')] },
  { name: 'the IPv6 address of metadata services', unanswered: true, frames: (m, at) => [six(m, at, linkLocal, 'fd00:ec2::254')] },
  {
    name: 'neighbour discovery: solicitations, advertisements and a router’s advertisement',
    unanswered: true,
    frames: (m, { own, gateway, neighbour }) => [
      ethernet('33:33:ff:00:00:01', own.mac, typeIpv6, discovery(linkLocal, 'ff02::1:ff00:1', 135, 'fe80::1', own.mac, m)),
      ethernet('33:33:00:00:00:01', own.mac, typeIpv6, discovery('fe80::1', 'ff02::1', 136, 'fe80::1', own.mac, m)),
      ethernet(neighbour.mac, own.mac, typeIpv6, discovery('fe80::1', 'ff02::1', 136, 'fe80::1', own.mac, m)),
      ethernet('33:33:00:00:00:01', own.mac, typeIpv6, discovery('fe80::1', 'ff02::1', 134, null, own.mac, m)),
      ethernet(gateway.mac, own.mac, typeIpv6, icmp6(linkLocal, 'fe80::1', 128, m)),
    ],
  },
]

const services: Attempt[] = [
  { name: 'DHCP: a question, and an offer as the server that it is not', frames: (m, at) => [datagram(m, at, { from: '0.0.0.0', to: '255.255.255.255', target: everybody, payload: udp(68, 67, m) }), datagram(m, at, { to: '255.255.255.255', target: everybody, payload: udp(67, 68, m) }), datagram(m, at, { payload: udp(67, 68, m) }), datagram(m, at, { payload: udp(68, 67, m) })] },
  { name: 'DHCPv6', unanswered: true, frames: (m, { own }) => [ethernet('33:33:00:01:00:02', own.mac, typeIpv6, ipv6(linkLocal, 'ff02::1:2', 17, udp(546, 547, m)))] },
  {
    name: 'DHCP whose offer comes in fragments',
    frames: (m, at) => {
      const offer = Buffer.concat([udp(67, 68, Buffer.concat([m, Buffer.alloc(8)])), Buffer.alloc(8)])
      return [datagram(m, at, { payload: offer.subarray(0, 24), more: true, identification: 77 }), datagram(m, at, { payload: offer.subarray(24), offset: 24, identification: 77 })]
    },
  },
  { name: 'metadata services and link-local addresses', frames: (m, at) => ['169.254.169.254', '169.254.1.1', '169.254.170.2'].flatMap((to) => [datagram(m, at, { to }), datagram(m, at, { to, protocol: 6, payload: tcpSyn(at.own.address, to, 80, m) })]) },
  { name: 'services at the gateway’s address', unanswered: true, frames: (m, at) => [22, 53, 80, 443, 8080].flatMap((port) => [datagram(m, at, { to: at.gateway.address, payload: udp(4000, port, m) }), datagram(m, at, { to: at.gateway.address, protocol: 6, payload: tcpSyn(at.own.address, at.gateway.address, port, m) })]) },
  { name: 'the host’s own addresses and those of other networks', frames: (m, at) => at.closed.flatMap((to) => [datagram(m, at, { to }), datagram(m, at, { to, protocol: 6, payload: tcpSyn(at.own.address, to, 8080, m) }), datagram(m, at, { to, protocol: 1, payload: icmp(8, 0, m) })]) },
  { name: 'loopback addresses, by way of the gateway', unanswered: true, frames: (m, at) => ['127.0.0.1', '127.8.9.10', '0.0.0.0'].map((to) => datagram(m, at, { to })) },
]

const shapes: Attempt[] = [
  { name: 'broadcast and multicast', frames: (m, at) => [datagram(m, at, { to: '255.255.255.255', target: everybody }), datagram(m, at, { to: at.subnetBroadcast, target: everybody }), datagram(m, at, { to: at.subnetBroadcast }), datagram(m, at, { to: '224.0.0.251', target: '01:00:5e:00:00:fb' }), datagram(m, at, { to: '239.1.2.3' })] },
  { name: 'a frame to everybody with the neighbour’s address in it', frames: (m, at) => [datagram(m, at, { target: everybody }), datagram(m, at, { target: '01:00:5e:00:00:01' })] },
  { name: 'a frame to the neighbour’s MAC, past the gateway', frames: (m, at) => [datagram(m, at, { target: at.neighbour.mac })] },
  { name: 'VLAN tags, one and two deep', frames: (m, at) => [[[tag, 5]], [[tag, 0xffe]], [[outerTag, 7], [tag, 5]], [[tag, 7], [tag, 0]]].map((tags) => datagram(m, at, { tags: tags.map(([protocol = 0, number = 0]) => [protocol, number] as const) })) },
  { name: 'a tag of priority alone over a wrong sender', frames: (m, at) => [datagram(m, at, { tags: [[tag, 0xe000]], source: '02:00:00:00:99:99' }), datagram(m, at, { tags: [[tag, 0xe000]], from: at.gateway.address })] },
  { name: 'LLDP', frames: ofType(0x88cc, '01:80:c2:00:00:0e') },
  { name: 'EAPOL', frames: ofType(0x888e, '01:80:c2:00:00:03') },
  { name: 'MPLS', frames: (m, at) => [0x8847, 0x8848].map((type) => ethernet(at.gateway.mac, at.own.mac, type, Buffer.concat([Buffer.from([0, 1, 0x01, 64]), ipv4({ from: at.own.address, to: at.neighbour.address, payload: udp(4000, 4000, m) })]))) },
  { name: 'spanning tree, PPPoE, MACsec, flow control and types of nobody', frames: (m, at) => [0x0026, 0x8863, 0x8864, 0x88e5, 0x8808, 0x9000, 0x4305, 0x88b5, 0xffff, 0x0000].flatMap((type) => ['01:80:c2:00:00:00', at.neighbour.mac, everybody].flatMap((target) => ofType(type, target)(m, at))) },
  { name: 'a source route, loose or strict, over the gateway', frames: (m, at) => [0x83, 0x89].flatMap((option) => [datagram(m, at, { to: at.gateway.address, options: Buffer.concat([Buffer.from([option, 7, 4]), ipv4Bytes(at.neighbour.address), Buffer.from([0])]) }), datagram(m, at, { options: Buffer.concat([Buffer.from([option, 7, 4]), ipv4Bytes('203.0.113.9'), Buffer.from([0])]) })]) },
  { name: 'fragments with a wrong source', frames: (m, at) => [datagram(m, at, { from: at.gateway.address, payload: Buffer.concat([udp(4000, 4000, m)]), more: true }), datagram(m, at, { from: at.gateway.address, payload: m, offset: 24 })] },
  { name: 'packets that lie about themselves', frames: (m, at) => [datagram(m, at, { totalLength: 900 }), datagram(m, at, { totalLength: 19 }), datagram(m, at, { version: 5 }), datagram(m, at, { ttl: 0 }), ethernet(at.gateway.mac, at.own.mac, typeIpv4, m)] },
]

/** A packet of IPv6 as an honest pod sends it, but for what is said. */
function datagram6(marker: Buffer, { own, gateway, six: at }: Situation, fields: { source?: string; target?: string; from?: string; to?: string; next?: number; payload?: Buffer } = {}): Buffer {
  if (!at) throw new Error('a network without IPv6')
  const { source = own.mac, target = gateway.mac, from = at.own, to = at.neighbour, next = 17, payload } = fields
  return ethernet(target, source, typeIpv6, ipv6(from, to, next, payload ?? udpOver6(from, to, 4000, 4000, marker)))
}

/** What an honest pod may send in IPv6; it arrives. */
export const honest6: Attempt['frames'] = (marker, at) => [datagram6(marker, at)]

const needed = (at: Situation) => at.six ?? { own: '', neighbour: '', gateway: '' }
const [allNodes, allNodesMac] = ['ff02::1', '33:33:00:00:00:01']
/** The group that is asked for an address, and its MAC. */
const askedFor = (address: string): [string, string] => {
  const last = (address.split(':').at(-1) ?? '').padStart(4, '0')
  return [`ff02::1:ff00:${last}`, `33:33:ff:00:${last.slice(0, 2)}:${last.slice(2)}`]
}

/** What a pod of a network with IPv6 may try beside the rest: each must reach nobody. */
export const attempts6: readonly Attempt[] = [
  { name: 'the neighbour’s IPv6 address as the source', frames: (m, at) => [datagram6(m, at, { from: needed(at).neighbour }), datagram6(m, at, { from: needed(at).neighbour, source: at.neighbour.mac })] },
  { name: 'the neighbour’s, the gateway’s or nobody’s MAC over the own IPv6 address', frames: (m, at) => [at.neighbour.mac, at.gateway.mac, '02:00:00:00:99:99'].map((source) => datagram6(m, at, { source })) },
  { name: 'the gateway’s, an unused, a mapped, loopback or no IPv6 address as the source', frames: (m, at) => [needed(at).gateway, 'fd42::200', '::ffff:a00:6', '::1', '::', linkLocal].map((from) => datagram6(m, at, { from })) },
  { name: 'IPv6 to the outside, to documentation’s addresses and to others’ networks', frames: (m, at) => ['2001:db8::1', '2606:4700::1111', 'fd43::5', '::ffff:cb00:7101', '64:ff9b::cb00:7101'].map((to) => datagram6(m, at, { to })) },
  { name: 'groups and link-local addresses by the own IPv6 address', unanswered: true, frames: (m, at) => [datagram6(m, at, { to: allNodes, target: allNodesMac }), datagram6(m, at, { to: 'ff02::fb', target: '33:33:00:00:00:fb' }), datagram6(m, at, { to: 'ff05::2', target: '33:33:00:00:00:02' }), datagram6(m, at, { to: 'fe80::1' }), ethernet(allNodesMac, at.own.mac, typeIpv6, icmp6(needed(at).own, allNodes, 128, m))] },
  { name: 'IPv6 to the neighbour’s MAC, past the gateway', frames: (m, at) => [datagram6(m, at, { target: at.neighbour.mac })] },
  {
    name: 'questions of discovery in the neighbour’s or the gateway’s name',
    unanswered: true,
    frames: (m, at) => [needed(at).neighbour, needed(at).gateway].flatMap((from) => [at.own.mac, at.neighbour.mac].map((mac) => {
      const [group, target] = askedFor(needed(at).gateway)
      return ethernet(target, mac, typeIpv6, discovery(from, group, 135, needed(at).gateway, mac, m))
    })),
  },
  {
    name: 'questions of discovery for the neighbour, to its group and to itself',
    unanswered: true,
    frames: (m, at) => {
      const { own, neighbour } = needed(at)
      const [group, target] = askedFor(neighbour)
      return [ethernet(target, at.own.mac, typeIpv6, discovery(own, group, 135, neighbour, at.own.mac, m)), ethernet(at.gateway.mac, at.own.mac, typeIpv6, discovery(own, neighbour, 135, neighbour, at.own.mac, m))]
    },
  },
  {
    name: 'advertisements of the gateway’s and the neighbour’s address, of a router, and a redirect',
    unanswered: true,
    frames: (m, at) => {
      const { own, neighbour, gateway } = needed(at)
      return [
        ...[gateway, neighbour].flatMap((taken) => [ethernet(allNodesMac, at.own.mac, typeIpv6, discovery(own, allNodes, 136, taken, at.own.mac, m)), ethernet(at.gateway.mac, at.own.mac, typeIpv6, discovery(own, gateway, 136, taken, at.own.mac, m)), ethernet(at.gateway.mac, at.own.mac, typeIpv6, discovery(own, neighbour, 136, taken, at.own.mac, m))]),
        ethernet(allNodesMac, at.own.mac, typeIpv6, discovery(own, allNodes, 134, null, at.own.mac, m)),
        ethernet(at.gateway.mac, at.own.mac, typeIpv6, discovery(own, neighbour, 134, null, at.own.mac, m)),
        ethernet(at.gateway.mac, at.own.mac, typeIpv6, icmp6(own, neighbour, 137, m)),
      ]
    },
  },
  { name: 'reports and queries of groups by the own IPv6 address', unanswered: true, frames: (m, at) => [130, 131, 132, 143].map((type) => ethernet('33:33:00:00:00:16', at.own.mac, typeIpv6, icmp6(needed(at).own, 'ff02::16', type, Buffer.concat([Buffer.alloc(4), m])))) },
  { name: 'DHCPv6 by the own IPv6 address', unanswered: true, frames: (m, at) => [datagram6(m, at, { to: 'ff02::1:2', target: '33:33:00:01:00:02', payload: udpOver6(needed(at).own, 'ff02::1:2', 546, 547, m) }), datagram6(m, at, { payload: udpOver6(needed(at).own, needed(at).neighbour, 547, 546, m) })] },
  // A fragment, a hop-by-hop header and a routing header before a datagram.
  { name: 'headers before the datagram over a wrong IPv6 source', frames: (m, at) => ([[44, [17, 0, 0, 1, 0, 0, 0, 9]], [0, [17, 0, 1, 4, 0, 0, 0, 0]], [43, [17, 2, 0, 1, 0, 0, 0, 0, ...Array.from({ length: 16 }, () => 1)]]] as const).map(([next, header]) => datagram6(m, at, { from: needed(at).neighbour, next, payload: Buffer.concat([Buffer.from(header), udpOver6(needed(at).neighbour, needed(at).neighbour, 4000, 4000, m)]) })) },
  { name: 'an error of ICMPv6 and one of ICMP that nobody’s connection knows', frames: (m, at) => [ethernet(at.gateway.mac, at.own.mac, typeIpv6, icmp6(needed(at).own, needed(at).neighbour, 1, Buffer.concat([Buffer.alloc(4), ipv6('fd42::6', 'fd42::5', 17, udpOver6('fd42::6', 'fd42::5', 9, 9, m))])))] },
]

/** Each of them must reach nobody. */
export const attempts: readonly Attempt[] = [...senders, ...addressResolution, ...versionSix, ...services, ...shapes]

/** How a frame of the nth attempt is told from all others: 16 bytes. */
export const markerOf = (index: number): Buffer => Buffer.from(`hypernetes-${String(index).padStart(5, '0')}`)
