import type { UidRange } from './attachment'
import { UPLINK_IN_NAMESPACE } from './names'
import type { NftChain, NftTables } from './table/model'

/** Where Ceph's monitors listen (both versions of its protocol), and its OSDs. Source: Ceph, ms_bind_port_min and ms_bind_port_max. */
const storePorts = '{ 3300, 6789, 6800-7568 }'

/**
 * Connections that one VM may have to stores at a time, to all daemons of all of its volumes: the table of connections, and the ports of the one address that all VMs with
 * such volumes share here, must not be filled for all by one of them.
 */
export const MAX_STORAGE_CONNECTIONS = 1024

/** `networks`: subnets of IPv4 in which the stores' daemons are. `uids`: users that VMs run as. */
export type StorageRules = { networks: readonly string[]; uids: UidRange }
/** `link`: the host's end. `address`: the one of the namespace of storage. */
export type StorageUplinkRules = { hostTag: string; link: string; address: string; networks: readonly string[] }

const set = (elements: readonly string[]) => ({ declaration: 'type ipv4_addr; flags interval; auto-merge;', elements })
const chains = (all: Record<string, NftChain>) => new Map(Object.entries(all))

/** The table of one host tag in the host's own namespace that guards the way to stores. */
export const storageTable = (hostTag: string): string => `hypernetes_${hostTag}_storage`

/** Input for `nft -f` that removes it, whether or not it is there. */
export const removeStorageTable = (hostTag: string): string => `table inet ${storageTable(hostTag)}\ndelete table inet ${storageTable(hostTag)}\n`

/**
 * The whole ruleset of the namespace of storage. VMs' users alone begin connections, to the stores' daemons alone; nothing comes in but answers, and nobody reaches anybody
 * else in it: what goes to an address of its own would go by the loopback, which is none of these links.
 */
export function storageTables({ networks, uids }: StorageRules): NftTables {
  return new Map([['inet storage', [{
    sets: new Map([['daemons', set(networks)], ['connections', { declaration: 'type uid; size 65536; flags dynamic;', elements: [] }]]),
    chains: chains({
      input: { hook: 'type filter hook input priority filter; policy drop;', rules: [`iifname "${UPLINK_IN_NAMESPACE}" ct state established,related accept`] },
      forward: { hook: 'type filter hook forward priority filter; policy drop;', rules: [] },
      output: { hook: 'type filter hook output priority filter; policy drop;', rules: [
        `oifname != "${UPLINK_IN_NAMESPACE}" drop`,
        'ip daddr != @daemons drop',
        'ct state established accept',
        `meta skuid < ${uids.first} drop`,
        `meta skuid > ${uids.last} drop`,
        `ct state new add @connections { meta skuid ct count over ${MAX_STORAGE_CONNECTIONS} } drop`,
        `tcp dport ${storePorts} accept`,
      ] },
    }),
  }]]])
}

/** Our part of the host's own namespace; no other table is touched. It says the same once more: the namespace of storage has its rules beside programs that may be broken into. */
export function storageUplinkTables({ hostTag, link, address, networks }: StorageUplinkRules): NftTables {
  const from = `iifname "${link}"`
  const to = `oifname "${link}"`
  const toDaemons = `${from} ip daddr @daemons tcp dport ${storePorts} accept`
  return new Map([[`inet ${storageTable(hostTag)}`, [{
    sets: new Map([['daemons', set(networks)]]),
    chains: chains({
      arrival: { hook: 'type filter hook prerouting priority -450; policy accept;', rules: [`${from} meta nfproto != ipv4 drop`, `${from} ip saddr != ${address} drop`] },
      // A daemon may run on this very host.
      input: { hook: 'type filter hook input priority filter - 10; policy accept;', rules: [toDaemons, `${from} drop`] },
      forward: { hook: 'type filter hook forward priority filter - 10; policy accept;', rules: [toDaemons, `${from} drop`, `${to} ct state established,related accept`, `${to} drop`] },
      output: { hook: 'type filter hook output priority filter - 10; policy accept;', rules: [`${to} ct state established,related accept`, `${to} drop`] },
      translate: { hook: 'type nat hook postrouting priority srcnat; policy accept;', rules: [`ip saddr ${address} oifname != "${link}" masquerade`] },
    }),
  }]]])
}
