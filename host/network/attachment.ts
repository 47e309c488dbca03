import { isDeepStrictEqual } from 'node:util'
import { contains, formatCidr, isHost, overlaps, parseCidr, parseIpv4, type Cidr } from '@/domain/shared/cidr'
import { formatIp, formatSubnet, hostRange, inRange, parseIp, parseSubnet, subnetsOverlap } from '@/domain/shared/ip'
import { gatewayMac, MAX_NETWORK_NUMBER, POD_MTU, tapName } from './names'

/** Whether pods of a network reach the outside through address translation. */
export type Outbound = 'nat' | 'none'

/**
 * A tenant's network as a pod of it needs it. `number` is unique in the cluster, 1 to 2^24 - 1 (a VXLAN identifier). `cidr`, `gateway` and
 * `ipv6` are those of the pod's own subnets; `mtu` is in bytes, 1450 unless told otherwise.
 */
export type NetworkSpec = { id: string; number: number; cidr: string; gateway: string; outbound: Outbound; ipv6?: { cidr: string; gateway: string }; mtu?: number }

/** Bits a second, to the pod and from it; null: as much as there is. */
export type Bandwidth = { ingress: number | null; egress: number | null }

/**
 * One NIC of one pod. `runAsUid` is the user that may open its tap; `mac` is lower-case with colons. `bandwidth` may change while it is attached. `balancer`: it is no
 * pod's but a balancer's, whose namespace has the other end; `subnets` are those that it reaches there.
 */
export type PodPort = { uid: string; address: string; prefixLength: number; mac: string; runAsUid: number; ipv6?: { address: string; prefixLength: number }; bandwidth?: Bandwidth; balancer?: { namespace: string; device: string; subnets: readonly string[] } }

/** A pod's place in a network. */
export type Attachment = { network: NetworkSpec; pod: PodPort }

/** User ids of pods on this host, both ends included. */
export type UidRange = { first: number; last: number }

/** Destinations that no pod reaches: this host, loopback, link-local (metadata services), multicast, reserved and broadcast. */
export const UNREACHABLE_DESTINATIONS = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'] as const

/** As {@link UNREACHABLE_DESTINATIONS} in IPv6, of which nothing leaves a network anyway. */
export const UNREACHABLE_DESTINATIONS_6 = ['::/8', 'fe80::/10', 'ff00::/8'] as const

/** The smallest packet that IPv6 demands of a link (RFC 8200 section 5). */
const MIN_MTU = 1280

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
  const { mtu = POD_MTU, ipv6 } = network
  if (!Number.isInteger(mtu) || mtu < MIN_MTU || mtu > POD_MTU) throw new TypeError(`network ${number}: mtu ${mtu} is not ${MIN_MTU} to ${POD_MTU}`)
  if (ipv6) checkSubnet6(number, ipv6)
}

function checkSubnet6(number: number, { cidr: text, gateway }: { cidr: string; gateway: string }): void {
  const cidr = parseSubnet(text)
  if (cidr.family !== 6 || formatSubnet(cidr) !== text) throw new TypeError(`network ${number}: ${text} is no subnet of IPv6 in its one form`)
  if (!inRange(hostRange(cidr), parseIp(gateway)) || formatIp(parseIp(gateway)) !== gateway) throw new TypeError(`network ${number}: gateway ${gateway} is no host address of ${text}`)
  const reserved = UNREACHABLE_DESTINATIONS_6.find((range) => subnetsOverlap(parseSubnet(range), cidr))
  if (reserved) throw new TypeError(`network ${number}: ${text} overlaps ${reserved}, which is never routed`)
}

/** A pod has an IPv6 address where its network gives it a subnet of that family, and only there. */
function checkAddress6({ number, ipv6: subnet }: NetworkSpec, { uid, ipv6 }: PodPort): void {
  if (!ipv6) return
  if (!subnet) throw new TypeError(`pod ${uid}: ${ipv6.address} in network ${number}, which has no subnet of IPv6 for it`)
  const cidr = parseSubnet(subnet.cidr)
  const address = parseIp(ipv6.address)
  if (ipv6.prefixLength !== cidr.prefixLength) throw new TypeError(`pod ${uid}: prefix length ${ipv6.prefixLength} is not that of ${subnet.cidr}`)
  if (!inRange(hostRange(cidr), address) || formatIp(address) !== ipv6.address) throw new TypeError(`pod ${uid}: ${ipv6.address} is no host address of ${subnet.cidr}`)
  if (ipv6.address === subnet.gateway) throw new TypeError(`pod ${uid}: ${ipv6.address} is the gateway's address`)
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
  checkAddress6(network, pod)
  if (!MAC.test(pod.mac)) throw new TypeError(`pod ${pod.uid}: "${pod.mac}" is not a MAC address in lower case with colons`)
  if (parseInt(pod.mac.slice(0, 2), 16) & 1) throw new TypeError(`pod ${pod.uid}: ${pod.mac} is a group address`)
  if (pod.mac === gatewayMac(network.number) || pod.mac === '00:00:00:00:00:00') throw new TypeError(`pod ${pod.uid}: ${pod.mac} is reserved`)
  if (pod.balancer) return checkBalancer(pod.uid, pod.balancer)
  if (!Number.isInteger(pod.runAsUid) || pod.runAsUid < uids.first || pod.runAsUid > uids.last) {
    throw new TypeError(`pod ${pod.uid}: user id ${pod.runAsUid} is not in the pods' range ${uids.first}-${uids.last}`)
  }
}

function checkBalancer(uid: string, { namespace, device, subnets }: NonNullable<PodPort['balancer']>): void {
  if (!/^hypb-[a-z0-9]{1,6}-n\d{1,8}$/.test(namespace)) throw new TypeError(`balancer ${uid}: "${namespace}" is no namespace of a balancer`)
  if (!/^[a-z0-9]{1,15}$/.test(device)) throw new TypeError(`balancer ${uid}: "${device}" is no name of a device`)
  for (const cidr of subnets) parseSubnet(cidr)
}

/** Whether two ports are the same in every field that does not change while a pod is attached. */
export function samePort(a: PodPort, b: PodPort): boolean {
  const own = ({ uid, address, prefixLength, mac, runAsUid, ipv6, balancer }: PodPort) => [uid, address, prefixLength, mac, runAsUid, ipv6?.address, ipv6?.prefixLength, balancer?.namespace, balancer?.device]
  return isDeepStrictEqual(own(a), own(b))
}

/** A pod's addresses in its network. */
export const addressesOf = ({ address, ipv6 }: PodPort): string[] => [address, ...(ipv6 ? [ipv6.address] : [])]

/** Throws an Error that names the pod which holds an address, MAC or tap already. */
export function refuseClash(number: number, others: Iterable<PodPort>, pod: PodPort): void {
  for (const other of others) {
    if (other.address === pod.address) throw new Error(`address ${pod.address} of network ${number} is held by pod ${other.uid}`)
    if (pod.ipv6 && other.ipv6?.address === pod.ipv6.address) throw new Error(`address ${pod.ipv6.address} of network ${number} is held by pod ${other.uid}`)
    if (other.mac === pod.mac) throw new Error(`MAC address ${pod.mac} of network ${number} is held by pod ${other.uid}`)
    if (tapName(other.uid) === tapName(pod.uid)) throw new Error(`tap ${tapName(pod.uid)} is held by pod ${other.uid}`)
  }
}
