import { UNREACHABLE_DESTINATIONS } from './attachment'
import { uplinkName, uplinkPrefix, uplinkTable } from './names'

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
 * Our table in the host's own namespace as input for `nft -f`; it replaces the earlier one in one transaction
 * and touches no other table.
 *
 * What comes from a network must carry its transit address and go to another machine: addresses of this host
 * are refused before any address translation of others (a container port published on the host is one), as is
 * everything else that is no unicast. Networks never reach one another, and nothing reaches a network but answers.
 */
export function uplinkRules({ hostTag, pool, networks, denied }: UplinkRules): string {
  const ours = `"${uplinkPrefix(hostTag)}*"`
  const sources = networks.map(({ number, transit }) => `"${uplinkName(hostTag, number)}" . ${transit}`)
  const unreachable = [...UNREACHABLE_DESTINATIONS, pool, ...denied]
  return `${removeUplinkTable(hostTag)}table inet ${uplinkTable(hostTag)} {
  set sources {
    type ifname . ipv4_addr${sources.length === 0 ? '' : `\n    elements = { ${sources.join(', ')} }`}
  }
  set unreachable {
    type ipv4_addr
    flags interval
    auto-merge
    elements = { ${unreachable.join(', ')} }
  }
  set connections {
    type ipv4_addr
    size 65536
    flags dynamic
  }
  chain from_network {
    iifname . ip saddr != @sources drop
    ip daddr @unreachable drop
    fib daddr type != unicast drop
  }
  chain arrival {
    type filter hook prerouting priority raw; policy accept;
    iifname ${ours} meta nfproto != ipv4 drop
    iifname ${ours} jump from_network
  }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname ${ours} drop
  }
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    iifname ${ours} oifname ${ours} drop
    iifname ${ours} ct state new add @connections { ip saddr ct count over ${MAX_CONNECTIONS} } drop
    iifname ${ours} accept
    oifname ${ours} ct state established,related accept
    oifname ${ours} drop
  }
  chain output {
    type filter hook output priority filter - 10; policy accept;
    oifname ${ours} ct state established,related accept
    oifname ${ours} drop
  }
  chain translate {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${pool} oifname != ${ours} masquerade
  }
}
`
}
