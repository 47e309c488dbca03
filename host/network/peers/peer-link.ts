import { familyOf } from '@/domain/shared/ip'
import { ROUTER_ADDRESS, ROUTER_ADDRESS_6 } from '../names'
import type { PeerSubnets } from './peer-subnets'

/** How the names of all links to peers begin; no other link in a network's namespace does. */
export const PEER_LINK_PREFIX = 'peer'
/** The link to a peer inside of a network's namespace: at most 12 characters. */
export const peerLinkName = (number: number): string => `${PEER_LINK_PREFIX}${number}`

/** The MAC address of a network's end of its links to peers. */
export const peerLinkMac = (number: number): string => ['06', '6a', ...[24, 16, 8, 0].map((shift) => ((number >>> shift) & 255).toString(16).padStart(2, '0'))].join(':')

/** The next hop by which a peer is reached: on a link with two ends nobody has to be asked for it. */
export const PEER_ROUTER = { 4: ROUTER_ADDRESS, 6: ROUTER_ADDRESS_6 } as const

/** The commands of `ip` that make a network's end of a link usable: its routes are exactly the peer's subnets. May be repeated. */
export function endCommands(own: number, { number, subnets }: PeerSubnets, mtu: number): string[] {
  const name = peerLinkName(number)
  const families = ([4, 6] as const).filter((family) => subnets.some((subnet) => familyOf(subnet) === family))
  return [
    `link set dev ${name} address ${peerLinkMac(own)} mtu ${mtu} addrgenmode none up`,
    ...families.map((family) => `neigh replace ${PEER_ROUTER[family]} lladdr ${peerLinkMac(number)} nud permanent dev ${name}`),
    ...subnets.map((subnet) => `route replace ${subnet} via ${PEER_ROUTER[familyOf(subnet)]} dev ${name} onlink`),
  ]
}
