/** IPv4 addresses and subnets. An address is a whole number from 0 to 2^32 - 1. */

/** A subnet: its first address and the length of its prefix, 0 to 32. */
export type Cidr = { readonly network: number; readonly prefixLength: number }

const SPACE = 2 ** 32
const DECIMAL = /^(0|[1-9]\d{0,2})$/

/** Reads `192.0.2.1`. Four decimal parts without leading zeros (RFC 6943 section 3.1.1). Throws a TypeError that says what is wrong. */
export function parseIpv4(text: string): number {
  const parts = text.split('.')
  if (parts.length !== 4) throw new TypeError(`"${text}" is not an IPv4 address: four numbers with dots between them are needed`)
  let address = 0
  for (const part of parts) {
    if (!DECIMAL.test(part) || Number(part) > 255) {
      throw new TypeError(`"${text}" is not an IPv4 address: "${part}" is not a number from 0 to 255 without leading zeros`)
    }
    address = address * 256 + Number(part)
  }
  return address
}

/** Writes an address as `192.0.2.1`. Throws a TypeError outside 0 to 2^32 - 1. */
export function formatIpv4(address: number): string {
  if (!Number.isInteger(address) || address < 0 || address >= SPACE) throw new TypeError(`${address} is not an IPv4 address`)
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}

/** True for what {@link parseIpv4} reads. */
export function isIpv4(text: string): boolean {
  return succeeds(() => parseIpv4(text))
}

/**
 * Reads `192.0.2.0/24`. The address must be the subnet's first one: `192.0.2.7/24` is refused with the
 * subnet that was probably meant. Throws a TypeError that says what is wrong.
 */
export function parseCidr(text: string): Cidr {
  const [address, length, ...rest] = text.split('/')
  if (address === undefined || length === undefined || rest.length > 0) {
    throw new TypeError(`"${text}" is not a subnet: an address and a prefix length are needed, as in 10.0.0.0/24`)
  }
  const number = parseIpv4(address)
  if (!/^(0|[1-9]\d?)$/.test(length) || Number(length) > 32) throw new TypeError(`"${text}" is not a subnet: the prefix length must be 0 to 32`)
  const cidr = subnetOf(number, Number(length))
  if (cidr.network !== number) throw new TypeError(`"${text}" is not a subnet: the address has host bits set; ${formatCidr(cidr)} holds it`)
  return cidr
}

/** Writes a subnet as `192.0.2.0/24`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIpv4(cidr.network)}/${cidr.prefixLength}`
}

/** True for what {@link parseCidr} reads. */
export function isCidr(text: string): boolean {
  return succeeds(() => parseCidr(text))
}

/** The subnet of this prefix length that holds the address. Throws a TypeError for a length outside 0 to 32. */
export function subnetOf(address: number, prefixLength: number): Cidr {
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > 32) throw new TypeError(`a prefix length is 0 to 32, not ${prefixLength}`)
  const size = 2 ** (32 - prefixLength)
  return { network: Math.floor(address / size) * size, prefixLength }
}

/** How many addresses the subnet has, the first and the last included. */
export function addressCount(cidr: Cidr): number {
  return 2 ** (32 - cidr.prefixLength)
}

/** The subnet's last address, which is its broadcast address up to a prefix length of 30. */
export function lastAddress(cidr: Cidr): number {
  return cidr.network + addressCount(cidr) - 1
}

/** Whether the address lies in the subnet. */
export function contains(cidr: Cidr, address: number): boolean {
  return address >= cidr.network && address <= lastAddress(cidr)
}

/** Whether every address of the inner subnet lies in the outer one. */
export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return contains(outer, inner.network) && contains(outer, lastAddress(inner))
}

/** Whether the two subnets share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.network <= lastAddress(b) && b.network <= lastAddress(a)
}

/** How many addresses hosts may have: all but the first and last, all of a /31 (RFC 3021) and of a /32. */
export function hostCount(cidr: Cidr): number {
  return cidr.prefixLength >= 31 ? addressCount(cidr) : addressCount(cidr) - 2
}

/** The first address that a host may have. */
export function firstHost(cidr: Cidr): number {
  return cidr.prefixLength >= 31 ? cidr.network : cidr.network + 1
}

/** The last address that a host may have. */
export function lastHost(cidr: Cidr): number {
  return firstHost(cidr) + hostCount(cidr) - 1
}

/** The host address number n, counted from 0. Throws a TypeError when the subnet has no such host. */
export function nthHost(cidr: Cidr, n: number): number {
  if (!Number.isInteger(n) || n < 0 || n >= hostCount(cidr)) {
    throw new TypeError(`${formatCidr(cidr)} has ${hostCount(cidr)} host addresses; number ${n} (counted from 0) is not one of them`)
  }
  return firstHost(cidr) + n
}

/** Whether a host of the subnet may have this address. */
export function isHost(cidr: Cidr, address: number): boolean {
  return address >= firstHost(cidr) && address <= lastHost(cidr)
}

/** The gateway of a subnet that names none: its first host. */
export function defaultGateway(cidr: Cidr): number {
  return firstHost(cidr)
}

/** The subnet's netmask, as `255.255.255.0`. */
export function netmask(cidr: Cidr): string {
  return formatIpv4(SPACE - addressCount(cidr))
}

function succeeds(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}
