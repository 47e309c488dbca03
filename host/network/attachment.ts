import { contains, formatCidr, isHost, overlaps, parseCidr, parseIpv4, type Cidr } from '@/domain/shared/cidr'
import { gatewayMac, MAX_NETWORK_NUMBER } from './names'

/** Whether pods of a network reach the outside through address translation. */
export type Outbound = 'nat' | 'none'

/** A tenant's network as a host needs it. `number` is unique in the cluster, 1 to 2^24 - 1 (a VXLAN identifier). */
export type NetworkSpec = { id: string; number: number; cidr: string; gateway: string; outbound: Outbound }

/** One NIC of one pod. `runAsUid` is the user that may open its tap; `mac` is lower-case with colons. */
export type PodPort = { uid: string; address: string; prefixLength: number; mac: string; runAsUid: number }

/** A pod's place in a network. */
export type Attachment = { network: NetworkSpec; pod: PodPort }

/** User ids of pods on this host, both ends included. */
export type UidRange = { first: number; last: number }

/** Destinations that no pod reaches: this host, loopback, link-local (metadata services), multicast, reserved and broadcast. */
export const UNREACHABLE_DESTINATIONS = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'] as const

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/

/**
 * Refuses what must never reach a command: malformed or impossible networks.
 * Throws a TypeError that names the field.
 */
export function checkNetwork(network: NetworkSpec): void {
  const { number, gateway } = network
  if (!Number.isInteger(number) || number < 1 || number > MAX_NETWORK_NUMBER) throw new TypeError(`network number ${number} is not 1 to ${MAX_NETWORK_NUMBER}`)
  if (network.outbound !== 'nat' && network.outbound !== 'none') throw new TypeError(`network ${number}: outbound is "nat" or "none"`)
  const cidr = parseCidr(network.cidr)
  if (!isHost(cidr, parseIpv4(gateway))) throw new TypeError(`network ${number}: gateway ${gateway} is no host address of ${network.cidr}`)
  const reserved = UNREACHABLE_DESTINATIONS.find((range) => overlaps(parseCidr(range), cidr))
  if (reserved) throw new TypeError(`network ${number}: ${network.cidr} overlaps ${reserved}, which is never routed`)
}

/** Refuses malformed or impossible attachments with a TypeError that names the field. */
export function checkAttachment({ network, pod }: Attachment, uids: UidRange): void {
  checkNetwork(network)
  const cidr: Cidr = parseCidr(network.cidr)
  if (!pod.uid) throw new TypeError('a pod needs a uid')
  const address = parseIpv4(pod.address)
  if (pod.prefixLength !== cidr.prefixLength) throw new TypeError(`pod ${pod.uid}: prefix length ${pod.prefixLength} is not that of ${formatCidr(cidr)}`)
  if (!contains(cidr, address) || !isHost(cidr, address)) throw new TypeError(`pod ${pod.uid}: ${pod.address} is no host address of ${network.cidr}`)
  if (pod.address === network.gateway) throw new TypeError(`pod ${pod.uid}: ${pod.address} is the gateway's address`)
  if (!MAC.test(pod.mac)) throw new TypeError(`pod ${pod.uid}: "${pod.mac}" is not a MAC address in lower case with colons`)
  if (parseInt(pod.mac.slice(0, 2), 16) & 1) throw new TypeError(`pod ${pod.uid}: ${pod.mac} is a group address`)
  if (pod.mac === gatewayMac(network.number) || pod.mac === '00:00:00:00:00:00') throw new TypeError(`pod ${pod.uid}: ${pod.mac} is reserved`)
  if (!Number.isInteger(pod.runAsUid) || pod.runAsUid < uids.first || pod.runAsUid > uids.last) {
    throw new TypeError(`pod ${pod.uid}: user id ${pod.runAsUid} is not in the pods' range ${uids.first}-${uids.last}`)
  }
}

/** Whether two ports are the same in every field. */
export function samePort(a: PodPort, b: PodPort): boolean {
  return a.uid === b.uid && a.address === b.address && a.prefixLength === b.prefixLength && a.mac === b.mac && a.runAsUid === b.runAsUid
}
