import { formatSubnet, inSubnet, parseIp, parseSubnet, type Family, type Ip } from '@/domain/shared/ip'
import type { NetworkState } from '../network-state'
import { JoinedMap } from '../table/joined-map'
import type { NftChain, NftMap, NftSection, NftSet } from '../table/model'
import { choiceCode, localAddresses, servedAddresses, type Choice, type ServiceElements } from './service-elements'

/** What the services of one network's namespace depend on. */
export type ServiceState = Pick<NetworkState, 'subnets' | 'serviceCidrs' | 'services' | 'ports' | 'pods'>

/** How nft writes one family: the word before an address, and the type of one. */
const words = { 4: { ip: 'ip', type: 'ipv4_addr' }, 6: { ip: 'ip6', type: 'ipv6_addr' } } as const
const families = [4, 6] as const
/** Clients that services of a network remember at a time; beyond it a new one is not remembered. A pod cannot make up others: its sender is checked. */
const MOST_REMEMBERED = 65_536
/** Chains that always stay, so that an endpoint which leaves or enters changes elements alone. */
const USUAL_ENDPOINTS = 16

/** The chains of this section that the base's chains jump to. */
export const SERVICE_COUNT = 'service_count'
export const SERVICE_SNAT = 'service_snat'

const usualChoices = Array.from({ length: USUAL_ENDPOINTS }, (_, at): [string, Choice] => [choiceCode({ count: at + 1, seconds: null }), { count: at + 1, seconds: null }])
const emptyChain: NftChain = { rules: [] }
/** A network without services: the chains that are jumped to, and nothing that a packet or a start would pay for. */
const empty: NftSection = { chains: new Map([[SERVICE_COUNT, emptyChain], [SERVICE_SNAT, emptyChain]]) }

/**
 * The services of a network as nftables has them. All that grows with services or endpoints is an element of a map or set, found by its
 * key: for a new connection (address, protocol, port) is found, which has the code of a chain that chooses among so many endpoints; that one draws
 * a number, and (address, protocol, port, number) is the endpoint. So neither a connection nor a change gets slower with their number
 * (docs/adr/0026). An address of a service that nothing takes connections at is refused, not silent.
 */
export function serviceSection(state: ServiceState): NftSection {
  const cidrs = state.serviceCidrs.map(parseSubnet)
  if (cidrs.length === 0) return empty
  const all = collect(state, (address) => cidrs.some((cidr) => inSubnet(cidr, address)))
  const sets = new Map<string, NftSet>()
  const maps = new Map<string, NftMap>()
  const chains = new Map<string, NftChain>()
  const used = families.filter((family) => cidrs.some((cidr) => cidr.family === family))
  maps.set('service_affinity', { declaration: `type mark : mark; flags dynamic,timeout; size ${MOST_REMEMBERED};`, elements: new Map() })
  for (const family of used) {
    const { type } = words[family]
    const { addresses, served, choices } = all[family]
    const joined = (part: 'ports' | 'endpoints' | 'ids') => new JoinedMap(served.map((each) => each[part]).filter(({ size }) => size > 0))
    const key = `${type} . inet_proto . inet_service`
    sets.set(`service_new${family}`, { declaration: `type ${type}; counter;`, elements: addresses })
    sets.set(`service_traffic${family}`, { declaration: `type ${type} . ct_dir; counter;`, elements: addresses.flatMap((address) => [`${address} . original`, `${address} . reply`]) })
    maps.set(`service_ports${family}`, { declaration: `type ${key} : mark;`, elements: joined('ports') })
    maps.set(`service_endpoints${family}`, { declaration: `type ${key} . mark : ${type} . inet_service;`, elements: joined('endpoints') })
    maps.set(`service_ids${family}`, { declaration: `type ${key} . mark : mark;`, elements: joined('ids') })
    maps.set(`service_choices${family}`, { declaration: 'type mark : verdict;', elements: new Map([...choices].map(([code, choice]) => [code, `goto ${choiceChain(family, choice)}`])) })
    maps.set(`service_hairpin${family}`, { declaration: `type ${type} . ${type} : ${type};`, elements: hairpins(state, family) })
    for (const choice of choices.values()) chains.set(choiceChain(family, choice), { rules: choose(family, choice) })
  }
  chains.set('service_dnat', { hook: 'type nat hook prerouting priority dstnat; policy accept;', rules: used.flatMap((family) => [`meta mark set ${portOf(family)} map @service_ports${family}`, `meta mark vmap @service_choices${family}`]) })
  chains.set('service_reject', { rules: rejectRules })
  chains.set('service_refuse', { hook: 'type filter hook prerouting priority filter; policy accept;', rules: cidrs.map((cidr) => `${words[cidr.family].ip} daddr ${formatSubnet(cidr)} goto service_reject`) })
  // An address is one service's alone, so what passes is found by the address that the client asked for.
  chains.set(SERVICE_COUNT, { rules: ['ct status and dnat == 0 return', ...used.map((family) => `ct original ${words[family].ip} daddr . ct direction @service_traffic${family}`)] })
  chains.set(SERVICE_SNAT, { rules: used.map((family) => `ct status dnat snat ${words[family].ip} to ${words[family].ip} saddr . ${words[family].ip} daddr map @service_hairpin${family}`) })
  return { sets, maps, chains }
}

/** Where the address of a service still stands after translation, nothing takes connections there. A reset for a packet that only came late would end a connection which is well. */
const rejectRules = ['ct state invalid drop', 'meta l4proto tcp reject with tcp reset', 'reject with icmpx type port-unreachable']

const portOf = (family: Family): string => `${words[family].ip} daddr . meta l4proto . th dport`
const toEndpoint = (family: Family): string => `meta l4proto { tcp, udp } dnat ${words[family].ip} to ${portOf(family)} . meta mark map @service_endpoints${family}`

const choiceChain = (family: Family, { count, seconds }: Choice): string => (seconds === null ? `service_pick${family}_${count}` : `service_sticky${family}_${count}_${seconds}`)
const choose = (family: Family, { count, seconds }: Choice): string[] => (seconds === null ? pick(family, count) : pickSticky(family, count, seconds))

/** One of `count` endpoints, each as likely. Only the first packet of a connection comes here, so it counts connections. */
function pick(family: Family, count: number): string[] {
  return [`${words[family].ip} daddr @service_new${family}`, `meta mark set numgen random mod ${count}`, toEndpoint(family)]
}

/**
 * The endpoint that the client had within `seconds`, or one of `count`, which is remembered. Endpoints are remembered by an id of their
 * own, which stays as others come and go; one that has gone leads nowhere, and is forgotten. Who asks for which port is kept as a hash in
 * the connection's mark, for nft 1.0.6 writes a value over what a key has beyond 16 bytes. Two that share a hash share an endpoint
 * or, of different ports, are remembered for less long.
 */
function pickSticky(family: Family, count: number, seconds: number): string[] {
  const remember = `update @service_affinity { ct mark timeout ${seconds}s : meta mark }`
  return [
    `${words[family].ip} daddr @service_new${family}`,
    `ct mark set jhash ${words[family].ip} saddr . ${portOf(family)} mod 4294967295 seed 0x1`,
    'meta mark set 0',
    'meta mark set ct mark map @service_affinity',
    `meta mark != 0 ${remember}`,
    `meta mark != 0 ${toEndpoint(family)}`,
    'delete @service_affinity { ct mark : meta mark }',
    `meta mark set numgen random mod ${count}`,
    `meta mark set ${portOf(family)} . meta mark map @service_ids${family}`,
    remember,
    toEndpoint(family),
  ]
}

type Collected = { addresses: string[]; served: ServiceElements[]; choices: Map<string, Choice> }

/** What all services put into the maps, by family, and the ways to choose that they need. */
function collect(state: ServiceState, isServiceAddress: (address: Ip) => boolean): Record<Family, Collected> {
  const nothing = (): Collected => ({ addresses: [], served: [], choices: new Map(usualChoices) })
  const all = { 4: nothing(), 6: nothing() }
  for (const [, each] of servedAddresses(state)) {
    if (!isServiceAddress(each.ip)) continue
    const to = all[each.ip.family]
    to.addresses.push(each.address)
    to.served.push(each)
    for (const choice of each.choices) to.choices.set(choiceCode(choice), choice)
  }
  return all
}

/** A pod that reaches itself through its service: the answer must come back through the namespace, so the gateway of its subnet asks in its place. */
function hairpins(state: ServiceState, family: Family): Map<string, string> {
  const within = state.subnets.map(({ cidr, gateway }) => ({ subnet: parseSubnet(cidr), gateway }))
  const all = new Map<string, string>()
  for (const address of localAddresses(state)) {
    const ip = parseIp(address)
    const subnet = ip.family === family && within.find((each) => inSubnet(each.subnet, ip))
    if (subnet) all.set(`${address} . ${address}`, subnet.gateway)
  }
  return all
}
