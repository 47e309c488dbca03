import { createHash } from 'node:crypto'
import { formatIp, parseIp } from '@/domain/shared/ip'

/** MTU of every pod's NIC and tap: 1500 of an ordinary wire less the 50 bytes a VXLAN header over IPv4 needs, so that a network may span hosts later without its pods noticing. */
export const POD_MTU = 1450

/** Network numbers fit a VXLAN identifier. */
export const MAX_NETWORK_NUMBER = 2 ** 24 - 1

/** The name inside every network namespace of the link towards the host. */
export const UPLINK_IN_NAMESPACE = 'up'

/** What a network namespace sends to as its router, and both ends' MAC addresses; known to one link only, so the same everywhere. */
export const ROUTER_ADDRESS = '169.254.1.1'
export const HOST_END_MAC = '06:69:00:00:00:01'
export const NAMESPACE_END_MAC = '06:69:00:00:00:02'

/** A router in IPv6 on links that it is on both ends' knowledge of: the next hop towards the outside, and what pods have as gateway for addresses of the outside. */
export const ROUTER_ADDRESS_6 = 'fe80::1'

const HOST_TAG = /^[a-z0-9]{1,6}$/

/** Throws a TypeError unless the tag is 1 to 6 lower-case letters or digits: more would not fit a link's name (15 characters). */
export function checkHostTag(hostTag: string): void {
  if (!HOST_TAG.test(hostTag)) throw new TypeError(`host tag "${hostTag}" is not 1 to 6 lower-case letters or digits`)
}

/** The network namespace of a network on the host with this tag. */
export function namespaceName(hostTag: string, number: number): string {
  return `${namespacePrefix(hostTag)}${number}`
}

/** How the names of all network namespaces of one host tag begin; another tag's never do. */
export function namespacePrefix(hostTag: string): string {
  return `hyp-${hostTag}-n`
}

/** The network number in a namespace's name, or null for a name that is not this tag's. */
export function networkNumberOf(hostTag: string, namespace: string): number | null {
  const digits = namespace.startsWith(namespacePrefix(hostTag)) ? namespace.slice(namespacePrefix(hostTag).length) : ''
  const number = /^[1-9]\d{0,7}$/.test(digits) ? Number(digits) : 0
  return number >= 1 && number <= MAX_NETWORK_NUMBER ? number : null
}

/** The host's end of a network's link towards the outside; the number in base 36, at most 15 characters. */
export function uplinkName(hostTag: string, number: number): string {
  return `${uplinkPrefix(hostTag)}${number.toString(36)}`
}

/** How the names of all uplinks of one host tag begin; another tag's never do. */
export function uplinkPrefix(hostTag: string): string {
  return `hyp${hostTag}-`
}

/** The nftables table (family inet) of one host tag in the host's own namespace. */
export function uplinkTable(hostTag: string): string {
  return `hypernetes_${hostTag}`
}

/** A pod's tap: 48 bits of its uid's SHA-256, unique within one network with near certainty (checked at attach). */
export function tapName(podUid: string): string {
  return `tap${createHash('sha256').update(podUid).digest('hex').slice(0, 12)}`
}

/** The far end of a veth that stands in for a tap; exercised by tests only. */
export function standInPeerName(podUid: string): string {
  return `pod${tapName(podUid).slice(3)}`
}

/** The link's own address of IPv6 that a MAC address makes (RFC 4291 appendix A), as `ip` prints it. */
export function linkLocalOf(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((octet) => parseInt(octet, 16))
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f]
  return formatIp(parseIp(`fe80::${words.map((word) => word.toString(16)).join(':')}`))
}

/** The MAC address that the gateway has on every tap of a network, on every host. */
export function gatewayMac(number: number): string {
  const octets = [24, 16, 8, 0].map((shift) => ((number >>> shift) & 255).toString(16).padStart(2, '0'))
  return ['06', '68', ...octets].join(':')
}
