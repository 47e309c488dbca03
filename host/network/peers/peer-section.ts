import { familyOf } from '@/domain/shared/ip'
import { rangesOfSubnets, formatRange } from '@/domain/shared/ip-ranges'
import type { NetworkState } from '../network-state'
import type { NftSection, NftSet } from '../table/model'
import { peerLinkName } from './peer-link'
import { peerSubnets } from './peer-subnets'

export type PeerState = Pick<NetworkState, 'number' | 'subnets' | 'routes' | 'serviceCidrs' | 'peers'>

const words = { 4: { ip: 'ip', type: 'ipv4_addr' }, 6: { ip: 'ip6', type: 'ipv6_addr' } } as const
const link = '"peer*"'

/**
 * What passes between a network and its peers. `peer_arrival` accepts, before any translation, what comes from a peer's subnets by its own link
 * and goes to a subnet of this network; so a service's address is reached from its own network alone. `peer_forward` hands on what goes to a
 * peer's subnets by its link, and what came; never from one peer to another. A peer that is not on this host is refused, so that nothing meant for it
 * goes outside.
 */
export function peerSection(state: PeerState): NftSection {
  if (state.peers.length === 0) return { chains: new Map([['peer_arrival', { rules: [] }], ['peer_forward', { rules: [] }]]) }
  const peers = peerSubnets(state)
  const both = [4, 6] as const
  const sets = new Map<string, NftSet>(both.flatMap((family): [string, NftSet][] => [
    [`peer_links_${family}`, { declaration: `type ifname . ${words[family].type}; flags interval;`, elements: peers.flatMap(({ number, subnets }) => subnets.filter((subnet) => familyOf(subnet) === family).map((subnet) => `"${peerLinkName(number)}" . ${subnet}`)) }],
    [`peer_own_${family}`, { declaration: `type ${words[family].type}; flags interval;`, elements: rangesOfSubnets(state.subnets.map(({ cidr }) => cidr), family).map(formatRange) }],
    [`peer_subnets_${family}`, { declaration: `type ${words[family].type}; flags interval;`, elements: rangesOfSubnets(peers.flatMap(({ subnets }) => subnets), family).map(formatRange) }],
  ]))
  return {
    sets,
    chains: new Map([
      ['peer_arrival', { rules: [...both.map((family) => `iifname . ${words[family].ip} saddr @peer_links_${family} ${words[family].ip} daddr @peer_own_${family} accept`), `iifname ${link} drop`] }],
      ['peer_forward', { rules: [
        `iifname ${link} oifname ${link} drop`,
        `iifname ${link} oifname "tap*" accept`,
        ...both.map((family) => `iifname "tap*" oifname . ${words[family].ip} daddr @peer_links_${family} accept`),
        ...both.map((family) => `${words[family].ip} daddr @peer_subnets_${family} reject with icmpx type host-unreachable`),
        `oifname ${link} drop`,
      ] }],
    ]),
  }
}
