/** Addresses and subnets of both families. A value is a whole number from 0 to 2^32 - 1 or 2^128 - 1. */
import { z } from 'zod'
import { formatIpv4, isIpv4, parseIpv4 } from './cidr'

export type Family = 4 | 6
export type Ip = { readonly family: Family; readonly value: bigint }
/** A subnet: its first address and the length of its prefix. */
export type IpSubnet = { readonly family: Family; readonly network: bigint; readonly prefixLength: number }
/** Addresses from `first` to `last`, both included. */
export type IpRange = { readonly family: Family; readonly first: bigint; readonly last: bigint }

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128)
const ipv6Text = z.ipv6()
const isIpv6 = (text: string): boolean => ipv6Text.safeParse(text).success

/** Reads an address of either family. Throws a TypeError that says what is wrong. An IPv6 address has no zone. */
export function parseIp(text: string): Ip {
  if (!text.includes(':')) return { family: 4, value: BigInt(parseIpv4(text)) }
  if (!isIpv6(text)) throw new TypeError(`"${text.slice(0, 64)}" is not an IPv6 address`)
  const [head = '', tail] = canonicalIpv6(text).split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const left = groups(head)
  const right = groups(tail ?? '')
  const all = tail === undefined ? left : [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right]
  return { family: 6, value: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) }
}

/** RFC 5952's one form, as every URL parser writes it (WHATWG URL, section 3.5). */
const canonicalIpv6 = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1)

/** Writes an address in its one form: dotted decimal, or RFC 5952. */
export function formatIp({ family, value }: Ip): string {
  if (family === 4) return formatIpv4(Number(value))
  if (value < 0n || value >= 1n << 128n) throw new TypeError(`${value} is not an IPv6 address`)
  const digits = value.toString(16).padStart(32, '0')
  return canonicalIpv6(digits.match(/.{4}/g)!.join(':'))
}

/** True for what {@link parseIp} reads. */
export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text)
export const familyOf = (text: string): Family => (text.includes(':') ? 6 : 4)

/** Reads `10.0.0.0/24` or `fd00::/64`. Host bits are refused with the subnet that was probably meant. Throws a TypeError. */
export function parseSubnet(text: string): IpSubnet {
  const [address, length, ...rest] = text.split('/')
  if (address === undefined || length === undefined || rest.length > 0) throw new TypeError(`"${text.slice(0, 64)}" is not a subnet: an address and a prefix length are needed, as in 10.0.0.0/24`)
  const { family, value } = parseIp(address)
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > bitsOf(family)) throw new TypeError(`"${text}" is not a subnet: the prefix length must be 0 to ${bitsOf(family)}`)
  const subnet = subnetAround({ family, value }, Number(length))
  if (subnet.network !== value) throw new TypeError(`"${text}" is not a subnet: the address has host bits set; ${formatSubnet(subnet)} holds it`)
  return subnet
}

export const formatSubnet = ({ family, network, prefixLength }: IpSubnet): string => `${formatIp({ family, value: network })}/${prefixLength}`

export function isSubnet(text: string): boolean {
  try {
    parseSubnet(text)
    return true
  } catch {
    return false
  }
}

/** The subnet of this prefix length that holds the address. */
export function subnetAround({ family, value }: Ip, prefixLength: number): IpSubnet {
  const hostBits = BigInt(bitsOf(family) - prefixLength)
  return { family, network: (value >> hostBits) << hostBits, prefixLength }
}

export const rangeOf = ({ family, network, prefixLength }: IpSubnet): IpRange => ({ family, first: network, last: network + (1n << BigInt(bitsOf(family) - prefixLength)) - 1n })
export const inSubnet = (subnet: IpSubnet, ip: Ip): boolean => inRange(rangeOf(subnet), ip)
export const inRange = (range: IpRange, { family, value }: Ip): boolean => family === range.family && value >= range.first && value <= range.last
export const rangesOverlap = (a: IpRange, b: IpRange): boolean => a.family === b.family && a.first <= b.last && b.first <= a.last
export const subnetsOverlap = (a: IpSubnet, b: IpSubnet): boolean => rangesOverlap(rangeOf(a), rangeOf(b))
/** Whether every address of the inner subnet lies in the outer one. */
export const subnetHolds = (outer: IpSubnet, inner: IpSubnet): boolean => outer.prefixLength <= inner.prefixLength && subnetsOverlap(outer, inner)

/**
 * The addresses that hosts of a subnet may have: without the first and the last in IPv4 (all of a /31, RFC 3021, and of a /32);
 * in IPv6 without the first, the subnet-router anycast address (RFC 4291 section 2.6.1).
 */
export function hostRange(subnet: IpSubnet): IpRange {
  const { family, first, last } = rangeOf(subnet)
  if (bitsOf(family) - subnet.prefixLength <= 1) return { family, first, last }
  return { family, first: first + 1n, last: family === 4 ? last - 1n : last }
}

/** The gateway of a subnet that names none: its first host. */
export const firstHostOf = (subnet: IpSubnet): Ip => ({ family: subnet.family, value: hostRange(subnet).first })
