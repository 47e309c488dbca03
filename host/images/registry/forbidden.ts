import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { DEFAULT_TRANSIT_POOL } from '@/host/network/transit-pool'
import { ImageError } from '../image-error'

const reserved = new BlockList()
for (const [network, prefix] of [['0.0.0.0', 8], ['127.0.0.0', 8], ['169.254.0.0', 16], ['192.0.0.0', 24], ['168.63.129.16', 32], ['224.0.0.0', 3]] as const) reserved.addSubnet(network, prefix)
// The host's side of tenants' networks.
const [transit = '', transitPrefix] = DEFAULT_TRANSIT_POOL.split('/')
reserved.addSubnet(transit, Number(transitPrefix))
// Unspecified, loopback and IPv4-compatible; link-local and site-local; multicast; what leads to an IPv4 address (SIIT, Teredo, 6to4); the metadata services of EC2 and of Google's cloud. Above, 168.63.129.16 is Azure's own.
for (const [network, prefix] of [['::', 96], ['::ffff:0:0:0', 96], ['fe80::', 10], ['fec0::', 10], ['ff00::', 8], ['2001::', 32], ['2002::', 16], ['64:ff9b:1::', 48], ['fd00:ec2::', 32], ['fd20:ce::254', 128]] as const) reserved.addSubnet(network, prefix, 'ipv6')

const privateRanges = new BlockList()
for (const [network, prefix] of [['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16]] as const) privateRanges.addSubnet(network, prefix)
privateRanges.addSubnet('fc00::', 7, 'ipv6')

/** The name or address of `host[:port]`, brackets of IPv6 taken off. */
export const hostOf = (registry: string): string => (registry.startsWith('[') ? registry.slice(1, registry.indexOf(']')) : (registry.split(':')[0] ?? ''))

/** NAT64 carries an IPv4 address in its last 32 bits (RFC 6052): where it leads to is what counts. */
function withoutNat64(address: string): string {
  if (isIP(address) !== 6) return address
  const groups = /^\[64:ff9b::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})?\]$/.exec(new URL(`http://[${address}]`).hostname)
  if (!groups) return address
  const [high, low] = [parseInt(groups[1] ?? '0', 16), parseInt(groups[2] ?? '0', 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/**
 * What an address is to a puller. `forbidden`: this host, its neighbours on the link, tenants' networks, and what is no
 * single machine. `private`: of the networks around the host.
 */
export function addressKind(written: string): 'forbidden' | 'private' | 'public' {
  const address = withoutNat64(written.replace(/%.*$/, ''))
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  // BlockList sees IPv4 in IPv6 (::ffff:127.0.0.1) by itself, however it is written.
  if (isIP(address) === 0 || reserved.check(address, family) || ownAddresses().check(address, family)) return 'forbidden'
  return privateRanges.check(address, family) ? 'private' : 'public'
}

/** Asked anew each time: addresses of a host come and go. */
const ownAddresses = (): BlockList => {
  const own = new BlockList()
  for (const all of Object.values(networkInterfaces())) for (const { address, family } of all ?? []) own.addAddress(address, family === 'IPv6' ? 'ipv6' : 'ipv4')
  return own
}

/** Of a place that a registry names, as a person may read it: it can be anything. */
const shown = (place: string): string => JSON.stringify(place.slice(0, 120))

const why = 'stands on the host itself, on a link-local address or in a network of tenants, from which images are not pulled'

/** The refusal, the same whatever listens there or does not. `via`: where the registry sends the puller. */
export const forbiddenRegistry = (registry: string, via: string | null): ImageError =>
  new ImageError(
    'refused',
    via === null || via === registry ? `The registry ${registry} ${why}.` : `The registry ${registry} sends the puller to ${shown(via)}, which ${why}.`,
    'Name a registry elsewhere, or ask the operator to list it in HYPERNETES_INSECURE_REGISTRIES.',
  )

/** The refusal of an address of a private network, where the operator has closed them. */
export const privateRegistry = (registry: string, via: string): ImageError =>
  new ImageError(
    'refused',
    `The registry ${registry} leads to ${shown(via)} in a private network, from which this host pulls no images.`,
    'Name a public registry, or ask the operator to list this one in HYPERNETES_PRIVATE_REGISTRIES.',
  )

/**
 * Refuses registries that stand on this host or on a link-local address before anything is started for them: a tenant names
 * images, and must not reach the host's own services or a metadata service through the puller. What the operator lists in
 * HYPERNETES_INSECURE_REGISTRIES is allowed. A name that does not resolve is left to the puller, which says so; what a
 * registry redirects to, and what a name means later, is {@link Egress}'s to check.
 */
export async function refuseForbiddenRegistry(registry: string, allowed: readonly string[]): Promise<void> {
  if (allowed.includes(registry)) return
  const host = hostOf(registry)
  const addresses = isIP(host) ? [host] : (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address)
  if (addresses.some((address) => addressKind(address) === 'forbidden')) throw forbiddenRegistry(registry, null)
}
