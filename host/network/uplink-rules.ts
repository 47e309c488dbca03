import { UNREACHABLE_DESTINATIONS } from './attachment'
import { uplinkName, uplinkPrefix, uplinkTable } from './names'
import type { NftTables } from './table/model'

/**
 * Connections that a network may have through the host at a time: the table of connections is the host's own, and one
 * network must not fill it for all. A replaced table counts anew, from the packets that follow.
 */
const MAX_CONNECTIONS = 4096

/** What our table in the host's own namespace depends on. `pool` holds the transit addresses; `denied` are further destinations that no pod reaches. */
export type UplinkRules = {
  hostTag: string
  pool: string
  networks: readonly { number: number; transit: string }[]
  denied: readonly string[]
}

/** Input for `nft -f` that removes our table, whether or not it is there. */
export function removeUplinkTable(hostTag: string): string {
  const table = uplinkTable(hostTag)
  return `table inet ${table}\ndelete table inet ${table}\n`
}

/**
 * Our table in the host's own namespace; no other is touched.
 *
 * What comes from a network must carry its transit address and go to another machine: addresses of this host
 * are refused before any address translation of others (a container port published on the host is one), as is
 * everything else that is no unicast. Networks never reach one another, and nothing reaches a network but answers.
 */
export function uplinkTables({ hostTag, pool, networks, denied }: UplinkRules): NftTables {
  const ours = `"${uplinkPrefix(hostTag)}*"`
  const sources = networks.map(({ number, transit }) => `"${uplinkName(hostTag, number)}" . ${transit}`)
  return new Map([[`inet ${uplinkTable(hostTag)}`, [{
    sets: new Map([
      ['sources', { declaration: 'type ifname . ipv4_addr;', elements: sources }],
      ['unreachable', { declaration: 'type ipv4_addr; flags interval; auto-merge;', elements: [...UNREACHABLE_DESTINATIONS, pool, ...denied] }],
      ['connections', { declaration: 'type ipv4_addr; size 65536; flags dynamic;', elements: [] }],
    ]),
    chains: new Map([
      ['from_network', { rules: ['iifname . ip saddr != @sources drop', 'ip daddr @unreachable drop', 'fib daddr type != unicast drop'] }],
      // Before fragments of several networks can be put together.
      ['arrival', { hook: 'type filter hook prerouting priority -450; policy accept;', rules: [`iifname ${ours} meta nfproto != ipv4 drop`, `iifname ${ours} jump from_network`] }],
      ['input', { hook: 'type filter hook input priority filter - 10; policy accept;', rules: [`iifname ${ours} drop`] }],
      ['forward', { hook: 'type filter hook forward priority filter - 10; policy accept;', rules: [
        `iifname ${ours} oifname ${ours} drop`,
        `iifname ${ours} ct state new add @connections { ip saddr ct count over ${MAX_CONNECTIONS} } drop`,
        `iifname ${ours} accept`,
        `oifname ${ours} ct state established,related accept`,
        `oifname ${ours} drop`,
      ] }],
      ['output', { hook: 'type filter hook output priority filter - 10; policy accept;', rules: [`oifname ${ours} ct state established,related accept`, `oifname ${ours} drop`] }],
      ['translate', { hook: 'type nat hook postrouting priority srcnat; policy accept;', rules: [`ip saddr ${pool} oifname != ${ours} masquerade`] }],
    ]),
  }]]])
}
