import { formatSubnet, inSubnet, parseIp, parseSubnet, type Family, type Ip } from '@/domain/shared/ip'
import type { NetworkState } from '../network-state'
import { JoinedMap } from '../table/joined-map'
import type { NftChain, NftMap, NftSection, NftSet } from '../table/model'
import { choiceCode, localAddresses, servedAddresses, type Choice, type ServiceElements } from './service-elements'
import { choiceChain, choose, countRule, hairpinRule, leadRules, nftWords, rejectRules } from './service-rules'

/** What the services of one network's namespace depend on. */
export type ServiceState = Pick<NetworkState, 'subnets' | 'serviceCidrs' | 'services' | 'ports' | 'pods'>

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
/** Before anything is known of a network: the chains that are jumped to. */
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
  const used = families.filter((family) => all[family].served.length > 0)
  const parts = used.map((family) => familyParts(state, family, all[family]))
  return {
    sets: new Map(parts.flatMap(({ sets }) => sets)),
    maps: new Map([...parts.flatMap(({ maps }) => maps), ...(used.length === 0 ? [] : [affinity])]),
    chains: new Map<string, NftChain>([
      ...parts.flatMap(({ chains }) => chains),
      ...(used.length === 0 ? [] : [['service_dnat', { hook: 'type nat hook prerouting priority dstnat; policy accept;', rules: used.flatMap(leadRules) }] as const]),
      ['service_reject', { rules: rejectRules }],
      ['service_refuse', { hook: 'type filter hook prerouting priority filter; policy accept;', rules: cidrs.map((cidr) => `${nftWords[cidr.family].ip} daddr ${formatSubnet(cidr)} goto service_reject`) }],
      [SERVICE_COUNT, { rules: used.length === 0 ? [] : ['ct status and dnat == 0 return', ...used.map(countRule)] }],
      [SERVICE_SNAT, { rules: used.map(hairpinRule) }],
    ]),
  }
}

type Parts = { sets: [string, NftSet][]; maps: [string, NftMap][]; chains: [string, NftChain][] }

const affinity: [string, NftMap] = ['service_affinity', { declaration: `type mark : mark; flags dynamic,timeout; size ${MOST_REMEMBERED};`, elements: new Map() }]

function familyParts(state: ServiceState, family: Family, { addresses, served, choices }: Collected): Parts {
  const { type } = nftWords[family]
  const key = `${type} . inet_proto . inet_service`
  const joined = (part: 'ports' | 'endpoints' | 'ids') => new JoinedMap(served.map((each) => each[part]).filter(({ size }) => size > 0))
  return {
    sets: [
      [`service_new${family}`, { declaration: `type ${type}; counter;`, elements: addresses }],
      [`service_traffic${family}`, { declaration: `type ${type} . ct_dir; counter;`, elements: addresses.flatMap((address) => [`${address} . original`, `${address} . reply`]) }],
    ],
    maps: [
      [`service_ports${family}`, { declaration: `type ${key} : mark;`, elements: joined('ports') }],
      [`service_endpoints${family}`, { declaration: `type ${key} . mark : ${type} . inet_service;`, elements: joined('endpoints') }],
      [`service_ids${family}`, { declaration: `type ${key} . mark : mark;`, elements: joined('ids') }],
      [`service_choices${family}`, { declaration: 'type mark : verdict;', elements: new Map([...choices].map(([code, choice]) => [code, `goto ${choiceChain(family, choice)}`])) }],
      [`service_hairpin${family}`, { declaration: `type ${type} . ${type} : ${type};`, elements: hairpins(state, family) }],
    ],
    chains: [...choices.values()].map((choice) => [choiceChain(family, choice), { rules: choose(family, choice) }]),
  }
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
