import type { HostBalancer } from '@/contracts/host/v1/external'
import type { BalancerServer } from '@/domain/load-balancer/model'
import { familyOf, formatIp, formatSubnet, parseIp, parseSubnet, type Family } from '@/domain/shared/ip'
import type { NftChain, NftMap, NftSection, NftSet, NftTables } from '@/host/network/table/model'
import { nftWords } from '@/host/network/services/service-rules'
import { INNER_LINK, OUTER_LINK } from './names'
import { udpShares, type UdpShares } from './udp-shares'

export const BALANCER_TABLE = 'inet balancer'
const families = [4, 6] as const
/** Connections of UDP that one balancer may have at a time: the table of connections is the host's own. */
const MOST_FLOWS = 65_536

/** Who takes connections of each backend, by its name. */
export type ServersOf = ReadonlyMap<string, readonly BalancerServer[]>
type Filtered = Pick<HostBalancer, 'listeners' | 'backends' | 'options' | 'addresses'> & { network: Pick<HostBalancer['network'], 'inner'> }
type UdpPort = { port: number; source: boolean; servers: readonly BalancerServer[] }
const mapOf = (family: Family, port: number): string => `udp${family}_${port}`

/** `address . port` of a server of TCP, as the sets have it. */
const element = (address: string, port: number): string => `${formatIp(parseIp(address))} . ${port}`
const ofFamily = (family: Family) => (address: string): boolean => familyOf(address) === family

/**
 * The packet filter of a balancer's namespace: from the outside only its listeners' ports and echo, towards its tenant's network only
 * its backends, and answers. HAProxy that was broken into reaches its tenant's backends and nothing more. UDP is balanced here.
 * What passes of TCP is told by each packet: a connection begins with SYN alone (RFC 9293, 3.5), which is let through to whom it may go, and of what belongs to none the kernel answers RST.
 * So nothing of TCP has an entry in the table of connections, which would cost some 2 % of a short request; only UDP needs one.
 * `before`: the shares of the packet filter that this one replaces, of which as many as can stay where they are.
 */
export function balancerTables(balancer: Filtered, servers: ServersOf, before: UdpShares = new Map()): { tables: NftTables; shares: UdpShares } {
  const ports = families.map((family) => [family, udpPorts(balancer, servers, family)] as const)
  const shares = new Map(ports.flatMap(([family, all]) => [...udpShares(new Map(all.map(({ port, servers: led }) => [mapOf(family, port), led.map(({ address, port: to, weight }) => ({ target: element(address, to), weight }))])), before)]))
  return { tables: new Map([[BALANCER_TABLE, [base(balancer, servers), ...ports.map(([family, all]) => udpSection(balancer, all, shares, family))]]]), shares }
}

/** As {@link balancerTables}, before anything is known: lets nothing through. */
export const closedTables: NftTables = new Map([[BALANCER_TABLE, [{ chains: new Map(['input', 'forward', 'output'].map((hook) => [hook, { hook: `type filter hook ${hook} priority filter; policy drop;`, rules: [] }])) }]]])

/** Of TCP, what begins no connection. */
const goesOn = 'tcp flags & (syn | ack) != syn'
/** What a way says of packets that it could not carry: TCP itself looks whether they belong to a connection (RFC 5927). */
const errorsOf = {
  4: 'icmp type { destination-unreachable, time-exceeded, parameter-problem }',
  6: 'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }',
} as const satisfies Record<Family, string>

function base(balancer: Filtered, servers: ServersOf): NftSection {
  const { listeners, backends, addresses, options } = balancer
  const tcp = listeners.filter(({ protocol }) => protocol !== 'udp')
  const udp = listeners.filter(({ protocol }) => protocol === 'udp').map(({ port }) => port)
  const targets = backends.filter(({ mode }) => mode !== 'udp').flatMap(({ name }) => servers.get(name) ?? [])
  const elements = (family: Family) => [...new Set(targets.filter(({ address }) => ofFamily(family)(address)).map(({ address, port }) => element(address, port)))]
  const sets = new Map<string, NftSet>(families.flatMap((family) => [
    [`backends${family}`, { declaration: `type ${nftWords[family].type} . inet_service;`, elements: elements(family) }],
    [`own${family}`, { declaration: `type ${nftWords[family].type};`, elements: addresses.filter(ofFamily(family)).map((address) => formatIp(parseIp(address))) }],
    [`allowed${family}`, { declaration: `type ${nftWords[family].type}; flags interval; auto-merge;`, elements: (options.allow ?? []).map(parseSubnet).filter((subnet) => subnet.family === family).map(formatSubnet) }],
  ]))
  if (udp.length > 0 && options.ratePerSecond !== null) for (const family of families) sets.set(`rates${family}`, { declaration: `type ${nftWords[family].type}; size 65536; flags dynamic,timeout; timeout 1m;`, elements: [] })
  sets.set('ports', { declaration: 'type inet_service;', elements: tcp.map(({ port }) => String(port)) })
  const chains = new Map<string, NftChain>([
    ['input', { hook: 'type filter hook input priority filter; policy drop;', rules: [
      // Also to ports that are listened on no more, which HAProxy serves to the end, and what the filter itself refuses, which comes back by `lo`.
      `${goesOn} accept`,
      ...families.map((family) => `iifname "${OUTER_LINK}" ${nftWords[family].ip} daddr @own${family} tcp dport @ports accept`),
      ...families.map((family) => `${errorsOf[family]} limit rate 1000/second accept`),
      // Neighbours of IPv6; what comes from elsewhere has lost hops on its way.
      'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
      `iifname != "${OUTER_LINK}" drop`,
      ...families.map((family) => `${nftWords[family].ip} daddr @own${family} meta l4proto ${family === 4 ? 'icmp icmp type' : 'ipv6-icmp icmpv6 type'} echo-request limit rate 100/second accept`),
      // A port on which nothing listens, or of UDP without anybody behind it, says so.
      'meta l4proto tcp limit rate 100/second reject with tcp reset',
      'meta l4proto udp limit rate 100/second reject with icmpx port-unreachable',
    ] }],
    ['output', { hook: 'type filter hook output priority filter; policy drop;', rules: [
      `${goesOn} accept`,
      ...families.map((family) => `oifname "${INNER_LINK}" ${nftWords[family].ip} daddr . tcp dport @backends${family} accept`),
      // At once, so that another server is tried.
      'meta l4proto tcp reject with tcp reset',
      // Answers and errors of the kernel itself; nobody in this namespace may send such.
      'icmp type { echo-reply, destination-unreachable, time-exceeded, parameter-problem } accept',
      'icmpv6 type { echo-reply, destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-neighbor-solicit, nd-neighbor-advert } accept',
    ] }],
    ['forward', { hook: 'type filter hook forward priority filter; policy drop;', rules: udp.length === 0 ? [] : [...udp.flatMap(countRules), ...forwardRules(options)] }],
    ...(udp.length === 0 ? [] : (['prerouting', 'output'] as const).map((hook) => [`untracked_${hook}`, { hook: `type filter hook ${hook} priority raw; policy accept;`, rules: ['meta l4proto tcp notrack'] }] as const)),
  ])
  return { sets, chains, counters: udp.flatMap((port) => Object.values(counterNames(port))) }
}

/** What counts a port of UDP: connections, and bytes from clients and to them. */
export const counterNames = (port: number) => ({ connections: `udp_${port}_connections`, received: `udp_${port}_received`, sent: `udp_${port}_sent` })

const countRules = (port: number): string[] => {
  const { connections, received, sent } = counterNames(port)
  const ofPort = `meta l4proto udp ct original proto-dst ${port}`
  return [`${ofPort} ct state new ct status dnat counter name "${connections}"`, `${ofPort} ct direction original ct status dnat counter name "${received}"`, `${ofPort} ct direction reply counter name "${sent}"`]
}

function forwardRules({ allow, ratePerSecond }: Filtered['options']): string[] {
  const outer = `iifname "${OUTER_LINK}" oifname "${INNER_LINK}"`
  return [
    'ct state established,related accept',
    'ct state invalid drop',
    ...(allow === null ? [] : families.map((family) => `${nftWords[family].ip} saddr != @allowed${family} drop`)),
    ...(ratePerSecond === null ? [] : families.map((family) => `ct state new update @rates${family} { ${nftWords[family].ip} saddr limit rate over ${ratePerSecond}/second burst ${ratePerSecond * 10} packets } drop`)),
    `ct state new ct count over ${MOST_FLOWS} drop`,
    `${outer} meta l4proto udp ct status dnat accept`,
  ]
}

/** Ports of UDP that somebody stands behind in this family. */
function udpPorts({ listeners, backends }: Filtered, servers: ServersOf, family: Family): UdpPort[] {
  return listeners.filter(({ protocol }) => protocol === 'udp').flatMap(({ port, defaultBackend }) => {
    const backend = backends.find(({ name }) => name === defaultBackend)
    const all = (servers.get(defaultBackend ?? '') ?? []).filter(({ address, weight }) => weight > 0 && familyOf(address) === family)
    return backend && all.length > 0 ? [{ port, source: backend.algorithm === 'source', servers: all }] : []
  })
}

/** Who of UDP is led where: a round of shares by weight, in turn or by the client's address; and back by the balancer's own address, so that answers come here. */
function udpSection(balancer: Filtered, ports: readonly UdpPort[], shares: UdpShares, family: Family): NftSection {
  // A chain that translates makes the kernel look at the connections of all that passes.
  if (ports.length === 0) return {}
  const { ip, type } = nftWords[family]
  const inner = balancer.network.inner.find(ofFamily(family))
  const maps = new Map<string, NftMap>(ports.map(({ port }) => [mapOf(family, port), { declaration: `type mark : ${type} . inet_service;`, elements: new Map((shares.get(mapOf(family, port)) ?? []).map((target, at) => [`0x${at.toString(16).padStart(8, '0')}`, target])) }]))
  const chains = new Map<string, NftChain>(ports.map(({ port, source }) => [`udp${family}_to_${port}`, { rules: [
    `meta mark set ${source ? `jhash ${ip} saddr` : 'numgen inc'} mod ${(shares.get(mapOf(family, port)) ?? []).length}`,
    `meta l4proto udp dnat ${ip} to meta mark map @${mapOf(family, port)}`,
  ] }]))
  chains.set(`arrival${family}`, { hook: 'type nat hook prerouting priority dstnat; policy accept;', rules: ports.map(({ port }) => `iifname "${OUTER_LINK}" ${ip} daddr @own${family} udp dport ${port} jump udp${family}_to_${port}`) })
  chains.set(`departure${family}`, { hook: 'type nat hook postrouting priority srcnat; policy accept;', rules: inner === undefined ? [] : [`oifname "${INNER_LINK}" ct status dnat snat ${ip} to ${formatIp(parseIp(inner))}`] })
  return { maps, chains }
}

/** Servers of UDP, as `family address port`, to whom connections of a port go. */
export const udpTargets = (balancer: Filtered, servers: ServersOf): Map<number, Set<string>> => {
  const all = new Map<number, Set<string>>()
  for (const family of families) for (const { port, servers: led } of udpPorts(balancer, servers, family)) all.set(port, new Set([...all.get(port) ?? [], ...led.map(({ address, port: to }) => element(address, to))]))
  return all
}
