import { inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import { EXTERNAL_DEVICE } from '@/host/external/names'
import { ofFamily, routedOf, translatedOf, type NetworkState } from '../network-state'
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
 * Addresses of the outside that lead to pods here, one to one: what comes to one of IPv4 goes to its pod, from whoever sent it, so that policies judge the client itself; what its pod opens to
 * the outside leaves from it, where the network lets out anything at all. All of it is elements of maps, so that an address moves from one pod to another in one
 * transaction. A pod reaches them from inside as well; one that reaches itself so is asked by its gateway in its place, as with services. Those of IPv6 are their pods' own and are routed: nobody else sends
 * from them, and nothing from another address of that family leaves.
 */
export function floatingSection({ subnets, serviceCidrs, routes, outbound, floating }: FloatingState): NftSection {
  if (floating.length === 0) return {}
  const inside = [...subnets.map(({ cidr }) => cidr), ...serviceCidrs, ...routes.map(({ destination }) => destination)]
  const families = ([4, 6] as const).filter((family) => ofFamily(family, floating.map(({ address }) => address)).length > 0)
  const sets: [string, NftSet][] = []
  const maps: [string, NftMap][] = []
  const [translated, routed] = [translatedOf(floating), routedOf(floating)]
  const [hasTranslated, hasRouted] = [translated.length > 0, routed.length > 0]
  for (const family of families) {
    const { type } = words[family]
    sets.push([`floating_addresses${family}`, { declaration: `type ${type};`, elements: ofFamily(family, floating.map(({ address }) => address)) }])
    sets.push([`floating_inside${family}`, { declaration: `type ${type}; flags interval; auto-merge;`, elements: ofFamily(family, inside) }])
    sets.push([`floating_connections${family}`, { declaration: `type ${type}; size 65536; flags dynamic;`, elements: [] }])
  }
  if (hasTranslated) {
    maps.push(['floating_to4', { declaration: 'type ipv4_addr : ipv4_addr;', elements: new Map(translated.map(({ address, target }) => [address, target])) }])
    maps.push(['floating_from4', { declaration: 'type ipv4_addr : ipv4_addr;', elements: sourceOf(translated) }])
    maps.push(['floating_hairpin4', { declaration: 'type ipv4_addr . ipv4_addr : ipv4_addr;', elements: hairpins(subnets, translated.map(({ target }) => target)) }])
  }
  const each = (rules: (family: 4 | 6, ip: string) => readonly string[]) => families.flatMap((family) => rules(family, words[family].ip))
  const only = (holds: boolean, ...rules: string[]) => (holds ? rules : [])
  const chains: [string, NftChain][] = [
    [FLOATING_ARRIVAL, { rules: [
      ...only(hasRouted, `iifname ${external} ip6 saddr @floating_addresses6 drop`),
      ...each((family, ip) => [`iifname ${external} ${ip} saddr @floating_inside${family} drop`, `iifname ${external} ${ip} daddr @floating_addresses${family} accept`]),
      ...only(hasRouted, `iifname ${external} icmpv6 type nd-neighbor-solicit ip6 daddr ff02::1:ff00:0/104 accept`),
      `iifname ${external} drop`,
    ] }],
    [FLOATING_INPUT, { rules: [...only(hasRouted, `iifname ${external} icmpv6 type nd-neighbor-solicit accept`), `iifname ${external} drop`] }],
    ...(hasTranslated ? [['floating_dnat', { hook: 'type nat hook prerouting priority dstnat; policy accept;', rules: ['dnat ip to ip daddr map @floating_to4'] }] satisfies [string, NftChain]] : []),
    [FLOATING_FORWARD, { rules: [
      ...each((family, ip) => [`iifname ${external} ct state new add @floating_connections${family} { ${ip} daddr ct count over ${MAX_CONNECTIONS} } drop`]),
      `iifname ${external} oifname "tap*" ct status dnat accept`,
      ...only(hasRouted, `iifname ${external} oifname "tap*" ip6 daddr @floating_addresses6 accept`),
      `iifname ${external} drop`,
      // As where there is no way, which is what it is for all other pods.
      ...only(hasRouted, `iifname "tap*" oifname ${external} ip6 saddr != @floating_addresses6 reject with icmpv6 type no-route`),
      ...only(outbound === 'nat', `iifname "tap*" oifname ${external} accept`),
      `oifname ${external} drop`,
    ] }],
    [FLOATING_SNAT, { rules: only(hasTranslated, `oifname ${external} snat ip to ip saddr map @floating_from4`, 'ct status dnat snat ip to ip saddr . ip daddr map @floating_hairpin4') }],
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
