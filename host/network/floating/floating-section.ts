import { inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import { EXTERNAL_DEVICE } from '@/host/external/names'
import { ofFamily, type NetworkState } from '../network-state'
import type { NftChain, NftMap, NftSection, NftSet } from '../table/model'

/** What the packet filter of a network's addresses of the outside depends on. */
export type FloatingState = Pick<NetworkState, 'subnets' | 'serviceCidrs' | 'routes' | 'outbound' | 'floating'>

/** Connections that the outside may have begun to one pod at a time: those of a whole machine are in one table of its kernel. */
const MAX_CONNECTIONS = 16_384

const words = { 4: { ip: 'ip', type: 'ipv4_addr' }, 6: { ip: 'ip6', type: 'ipv6_addr' } } as const
const external = `"${EXTERNAL_DEVICE}"`

/** The chains of this section that the base's chains jump to. */
export const FLOATING_ARRIVAL = 'floating_arrival'
export const FLOATING_INPUT = 'floating_input'
export const FLOATING_FORWARD = 'floating_forward'
export const FLOATING_SNAT = 'floating_snat'

/**
 * Addresses of the outside that lead to pods here, one to one: what comes to one goes to its pod, from whoever sent it, so that policies judge the client itself; what its pod opens to
 * the outside leaves from it, where the network lets out anything at all. All of it is elements of maps, so that an address moves from one pod to another in one
 * transaction. A pod reaches them from inside as well; one that reaches itself so is asked by its gateway in its place, as with services.
 */
export function floatingSection({ subnets, serviceCidrs, routes, outbound, floating }: FloatingState): NftSection {
  if (floating.length === 0) return {}
  const inside = [...subnets.map(({ cidr }) => cidr), ...serviceCidrs, ...routes.map(({ destination }) => destination)]
  const families = ([4, 6] as const).filter((family) => ofFamily(family, floating.map(({ address }) => address)).length > 0)
  const sets: [string, NftSet][] = []
  const maps: [string, NftMap][] = []
  for (const family of families) {
    const { type } = words[family]
    const own = floating.filter(({ address }) => address.includes(':') === (family === 6))
    sets.push([`floating_addresses${family}`, { declaration: `type ${type};`, elements: own.map(({ address }) => address) }])
    sets.push([`floating_inside${family}`, { declaration: `type ${type}; flags interval; auto-merge;`, elements: ofFamily(family, inside) }])
    sets.push([`floating_connections${family}`, { declaration: `type ${type}; size 65536; flags dynamic;`, elements: [] }])
    maps.push([`floating_to${family}`, { declaration: `type ${type} : ${type};`, elements: new Map(own.map(({ address, target }) => [address, target])) }])
    maps.push([`floating_from${family}`, { declaration: `type ${type} : ${type};`, elements: sourceOf(own) }])
    maps.push([`floating_hairpin${family}`, { declaration: `type ${type} . ${type} : ${type};`, elements: hairpins(subnets, own.map(({ target }) => target)) }])
  }
  const each = (rules: (family: 4 | 6, ip: string) => readonly string[]) => families.flatMap((family) => rules(family, words[family].ip))
  const chains: [string, NftChain][] = [
    [FLOATING_ARRIVAL, { rules: [
      ...each((family, ip) => [`iifname ${external} ${ip} saddr @floating_inside${family} drop`, `iifname ${external} ${ip} daddr @floating_addresses${family} accept`]),
      ...(families.includes(6) ? [`iifname ${external} icmpv6 type nd-neighbor-solicit ip6 daddr ff02::1:ff00:0/104 accept`] : []),
      `iifname ${external} drop`,
    ] }],
    [FLOATING_INPUT, { rules: [...(families.includes(6) ? [`iifname ${external} icmpv6 type nd-neighbor-solicit accept`] : []), `iifname ${external} drop`] }],
    ['floating_dnat', { hook: 'type nat hook prerouting priority dstnat; policy accept;', rules: each((family, ip) => [`dnat ${ip} to ${ip} daddr map @floating_to${family}`]) }],
    [FLOATING_FORWARD, { rules: [
      ...each((family, ip) => [`iifname ${external} ct state new add @floating_connections${family} { ${ip} daddr ct count over ${MAX_CONNECTIONS} } drop`]),
      `iifname ${external} oifname "tap*" ct status dnat accept`,
      `iifname ${external} drop`,
      ...(outbound === 'nat' ? [`iifname "tap*" oifname ${external} accept`] : []),
      `oifname ${external} drop`,
    ] }],
    [FLOATING_SNAT, { rules: each((family, ip) => [
      `oifname ${external} snat ${ip} to ${ip} saddr map @floating_from${family}`,
      `ct status dnat snat ${ip} to ${ip} saddr . ${ip} daddr map @floating_hairpin${family}`,
    ]) }],
  ]
  return { sets: new Map(sets), maps: new Map(maps), chains: new Map(chains) }
}

/** The address that a pod's own connections leave from: the first of its addresses, as they are listed. */
export function sourceOf(floating: NetworkState['floating']): Map<string, string> {
  const sources = new Map<string, string>()
  for (const { address, target } of floating) if (!sources.has(target)) sources.set(target, address)
  return sources
}

function hairpins(subnets: FloatingState['subnets'], targets: readonly string[]): Map<string, string> {
  return new Map(targets.flatMap((target) => {
    const subnet = subnets.find(({ cidr }) => inSubnet(parseSubnet(cidr), parseIp(target)))
    return subnet ? [[`${target} . ${target}`, subnet.gateway] as const] : []
  }))
}
