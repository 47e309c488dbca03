import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { ImageError } from '../image-error'

const reserved = new BlockList()
reserved.addSubnet('0.0.0.0', 8)
reserved.addSubnet('127.0.0.0', 8)
reserved.addSubnet('169.254.0.0', 16)
reserved.addAddress('::', 'ipv6')
reserved.addAddress('::1', 'ipv6')
reserved.addSubnet('fe80::', 10, 'ipv6')

/** The name or address of `host[:port]`, brackets of IPv6 taken off. */
const hostOf = (registry: string): string => (registry.startsWith('[') ? registry.slice(1, registry.indexOf(']')) : (registry.split(':')[0] ?? ''))

const isForbidden = (address: string): boolean => {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  // BlockList sees IPv4 in IPv6 (::ffff:127.0.0.1) by itself, however it is written.
  return reserved.check(address, family) || ownAddresses().check(address, family)
}

/** Asked anew each time: addresses of a host come and go. */
const ownAddresses = (): BlockList => {
  const own = new BlockList()
  for (const all of Object.values(networkInterfaces())) for (const { address, family } of all ?? []) own.addAddress(address, family === 'IPv6' ? 'ipv6' : 'ipv4')
  return own
}

/**
 * Refuses registries that stand on this host or on a link-local address: a tenant names images, and must not reach the
 * host's own services or a metadata service through the puller. What the operator lists in
 * HYPERNETES_INSECURE_REGISTRIES is allowed. A name that does not resolve is left to the puller, which says so; a
 * registry's redirects are not seen here.
 */
export async function refuseForbiddenRegistry(registry: string, allowed: readonly string[]): Promise<void> {
  if (allowed.includes(registry)) return
  const host = hostOf(registry)
  const addresses = isIP(host) ? [host] : (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address)
  if (!addresses.some(isForbidden)) return
  throw new ImageError(
    'refused',
    `The registry ${registry} stands on the host itself or on a link-local address, from which images are not pulled.`,
    'Name a registry elsewhere, or ask the operator to list it in HYPERNETES_INSECURE_REGISTRIES.',
  )
}
