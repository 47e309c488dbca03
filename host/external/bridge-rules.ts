import { isIpv4, parseIpv4, contains, parseCidr } from '@/domain/shared/cidr'
import { UNREACHABLE_DESTINATIONS } from '@/host/network/attachment'
import { uplinkPrefix } from '@/host/network/names'
import { ofFamily } from '@/host/network/network-state'
import type { NftChain, NftSet, NftTables } from '@/host/network/table/model'
import { bridgeName, externalTable, portPrefix } from './names'

/**
 * Connections that a network may have begun through the host at a time, from all of its addresses, as by its uplink; and those that one address may have been asked for. The table of connections
 * is the host's own, and one tenant must not fill it for all; the kernel looks through as many at each that is new.
 */
const MOST_BEGUN = 4096
const MOST_ASKED = 8192
const MOST_ASKED_EVER = 32_768

/** What was not answered yet, or is over, is forgotten soon, in seconds: a flood of those that are never completed closes an address for as long. */
const HASTY = 'policy = { syn_sent: 10, syn_recv: 10, time_wait: 10 };'

/** Addresses that are routed nowhere (RFC 2544), which the default pool is of: what leaves the host from them has the host's own address. */
const UNROUTED = parseCidr('198.18.0.0/15')

/** What our tables in the agent's own namespace depend on. `denied`: further destinations that nobody on the bridge reaches. `hasTimeouts` false: this kernel cannot give some connections less time than others. */
export type BridgeRules = { hostTag: string; ports: readonly BridgePort[]; denied: readonly string[]; hasTimeouts?: boolean }

/** A link of ours in the bridge: who may send there, and from which addresses. */
export type BridgePort = { name: string; mac: string; addresses: readonly string[]; connections?: number }

/** Input for `nft -f` that removes our tables, whether or not they are there. */
export function removeExternalTables(hostTag: string): string {
  return ['inet', 'bridge'].map((family) => `table ${family} ${externalTable(hostTag)}\ndelete table ${family} ${externalTable(hostTag)}\n`).join('')
}

/**
 * What may pass the bridge of the outside, and between it and the rest of the host.
 *
 * On the bridge (family bridge) a link of ours sends with its own MAC and from its own addresses, in ARP too; links of ours do not hear each other, so what one address sends
 * another goes by the gateway. An interface that an operator put there is not judged. In the host, what comes from the bridge reaches no service of it: pings of
 * the gateway alone, and answers. It is forwarded outside from addresses that are in use here, never into a network's transit link; to the bridge is forwarded
 * what goes to an address in use.
 */
export function externalTables({ hostTag, ports, denied, hasTimeouts = true }: BridgeRules): NftTables {
  return new Map([[`inet ${externalTable(hostTag)}`, [hostSection(hostTag, ports, denied, hasTimeouts)]], [`bridge ${externalTable(hostTag)}`, [bridgeSection(hostTag, ports)]]])
}

function bridgeSection(hostTag: string, ports: BridgeRules['ports']) {
  const senders = (family: 4 | 6) => ports.flatMap(({ name, mac, addresses }) => ofFamily(family, addresses).map((address) => `"${name}" . ${mac} . ${address}`))
  const advertisers = ports.flatMap(({ name, mac, addresses }) => (ofFamily(6, addresses).length > 0 ? [`"${name}" . ${mac}`] : []))
  const arp = ports.flatMap(({ name, mac, addresses }) => ofFamily(4, addresses).map((address) => `"${name}" . ${mac} . ${mac} . ${address}`))
  return {
    sets: new Map([
      ['senders', { declaration: 'type ifname . ether_addr . ipv4_addr;', elements: senders(4) }],
      ['senders6', { declaration: 'type ifname . ether_addr . ipv6_addr;', elements: senders(6) }],
      ['advertisers', { declaration: 'type ifname . ether_addr;', elements: advertisers }],
      ['arp_senders', { declaration: 'type ifname . ether_addr . ether_addr . ipv4_addr;', elements: arp }],
    ]),
    chains: new Map([
      ['from_port', { rules: [
        'iifname . ether saddr . arp saddr ether . arp saddr ip @arp_senders accept',
        'iifname . ether saddr . ip saddr @senders accept',
        'icmpv6 type { nd-router-solicit, nd-router-advert, nd-redirect, router-renumbering, mld-listener-query } drop',
        'iifname . ether saddr . ip6 saddr @senders6 accept',
        // Who answers for a pod's routed address has another of its own.
        'icmpv6 type nd-neighbor-advert iifname . ether saddr @advertisers accept',
        'drop',
      ] }],
      ['arrival', { hook: 'type filter hook prerouting priority -300; policy accept;', rules: [`iifname "${portPrefix(hostTag)}*" goto from_port`] }],
    ]),
  }
}

/** What an address shall bear is rounded up to a power of two: few rules for many balancers. */
const askedClass = ({ connections = 0 }: BridgePort): number => {
  let most = MOST_ASKED
  while (most < connections && most < MOST_ASKED_EVER) most *= 2
  return most
}

/** How many connections may be begun by a link and asked of an address, of either family. */
function bounds(bridge: string, ports: readonly BridgePort[]): { sets: [string, NftSet][]; rules: string[] } {
  const classes = [...new Set(ports.map(askedClass))].sort((a, b) => a - b)
  const families = [[4, 'ip', 'ipv4_addr'], [6, 'ip6', 'ipv6_addr']] as const
  const bearing = (family: 4 | 6, most: number) => ofFamily(family, ports.filter((port) => askedClass(port) === most).flatMap(({ addresses }) => addresses))
  return {
    sets: [
      ['links', { declaration: 'type ether_addr;', elements: ports.map(({ mac }) => mac) }],
      ['connections', { declaration: 'type ether_addr; size 65536; flags dynamic;', elements: [] }],
      ...families.map(([family, , type]): [string, NftSet] => [`asked${family}`, { declaration: `type ${type}; size 65536; flags dynamic;`, elements: [] }]),
      ...classes.flatMap((most) => families.map(([family, , type]): [string, NftSet] => [`bears${family}_${most}`, { declaration: `type ${type};`, elements: bearing(family, most) }])),
    ],
    rules: [
      // Behind an operator's interface one sender may be a router with the whole world behind it.
      `iifname ${bridge} ct state new ether saddr @links add @connections { ether saddr ct count over ${MOST_BEGUN} } drop`,
      ...classes.flatMap((most) => families.map(([family, ip]) => `oifname ${bridge} ct state new ${ip} daddr @bears${family}_${most} add @asked${family} { ${ip} daddr ct count over ${most} } drop`)),
    ],
  }
}

function hostSection(hostTag: string, ports: readonly BridgePort[], denied: readonly string[], hasTimeouts: boolean) {
  const addresses = ports.flatMap((port) => port.addresses)
  const bridge = `"${bridgeName(hostTag)}"`
  const bound = bounds(bridge, ports)
  const unrouted = addresses.filter((address) => isIpv4(address) && contains(UNROUTED, parseIpv4(address)))
  return {
    sets: new Map<string, NftSet>([
      ['addresses', { declaration: 'type ipv4_addr;', elements: ofFamily(4, addresses) }],
      ['addresses6', { declaration: 'type ipv6_addr;', elements: ofFamily(6, addresses) }],
      ['unrouted', { declaration: 'type ipv4_addr;', elements: unrouted }],
      ['unreachable', { declaration: 'type ipv4_addr; flags interval; auto-merge;', elements: [...UNREACHABLE_DESTINATIONS, ...ofFamily(4, denied)] }],
      ...bound.sets,
    ]),
    timeouts: new Map(hasTimeouts ? ([[4, 'ip'], [6, 'ip6']] as const).map(([family, ip]) => [`hasty${family}`, `protocol tcp; l3proto ${ip}; ${HASTY}`]) : []),
    chains: new Map([
      ['asked', { rules: ['icmp type echo-request return', 'icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } return', 'drop'] }],
      ...(hasTimeouts ? [['hasty', { rules: ['meta nfproto ipv4 ct timeout set "hasty4"', 'meta nfproto ipv6 ct timeout set "hasty6"'] }] satisfies [string, NftChain]] : []),
      // Before any address translation of others: a container port published on the host is one.
      ['arrival', { hook: 'type filter hook prerouting priority mangle; policy accept;', rules: [`iifname ${bridge} ct state new fib daddr type local jump asked`] }],
      ['input', { hook: 'type filter hook input priority filter - 10; policy accept;', rules: [`iifname ${bridge} ct state established,related accept`, `iifname ${bridge} jump asked`] }],
      ['forward', { hook: 'type filter hook forward priority filter - 10; policy accept;', rules: [
        `iifname ${bridge} ct state established,related accept`,
        `oifname ${bridge} ct state established,related accept`,
        // Where the kernel shows this family what is bridged (bridge-nf-call-ip6tables): discovery between an operator's wire and ours, which the bridge's table judges.
        `iifname ${bridge} oifname ${bridge} icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept`,
        `iifname ${bridge} oifname "${uplinkPrefix(hostTag)}*" drop`,
        `iifname ${bridge} ip daddr @unreachable drop`,
        ...bound.rules,
        ...(hasTimeouts ? [`ct state new meta l4proto tcp oifname ${bridge} jump hasty`, `ct state new meta l4proto tcp iifname ${bridge} jump hasty`] : []),
        // An operator's wire in the bridge is the outside as well: its questions come to our links unseen by this family, so their answers are none that it knows of.
        `iifname ${bridge} ip saddr @addresses accept`,
        `iifname ${bridge} ip6 saddr @addresses6 accept`,
        `iifname ${bridge} oifname != ${bridge} drop`,
        `oifname ${bridge} ip daddr @addresses accept`,
        `oifname ${bridge} ip6 daddr @addresses6 accept`,
        `oifname ${bridge} drop`,
      ] }],
      // What goes from one address to another by the gateway is meant to.
      ['output', { hook: 'type filter hook output priority filter - 10; policy accept;', rules: [`oifname ${bridge} icmp type redirect drop`, `oifname ${bridge} icmpv6 type nd-redirect drop`] }],
      ['translate', { hook: 'type nat hook postrouting priority srcnat; policy accept;', rules: [`oifname != ${bridge} ip saddr @unrouted masquerade`] }],
    ]),
  }
}
