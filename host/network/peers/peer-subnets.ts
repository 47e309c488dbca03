import { formatSubnet, parseSubnet, subnetsOverlap } from '@/domain/shared/ip'
import type { NetworkState } from '../network-state'

/** What this host needs of a peer: its number, and those of its subnets that packets may go to and come from. */
export type PeerSubnets = { readonly number: number; readonly subnets: readonly string[] }

/**
 * The peers of a network in the order of their numbers. A subnet that meets one of the network's own, one behind its pods, those of its services, or
 * one of an earlier peer stays out: an address means one thing here. The server refuses such peerings; two that are allowed each for
 * itself may meet in the middle all the same.
 */
export function peerSubnets(network: Pick<NetworkState, 'number' | 'subnets' | 'routes' | 'serviceCidrs' | 'peers'>): PeerSubnets[] {
  const taken = [...network.subnets.map(({ cidr }) => cidr), ...network.routes.map(({ destination }) => destination), ...network.serviceCidrs].map(parseSubnet)
  return [...network.peers].sort((a, b) => a.number - b.number).filter(({ number }) => number !== network.number).map(({ number, subnets }) => {
    const free = subnets.map(parseSubnet).filter((subnet) => !taken.some((other) => subnetsOverlap(other, subnet)))
    taken.push(...free)
    return { number, subnets: free.map(formatSubnet) }
  })
}
