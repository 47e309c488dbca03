import { z } from 'zod'
import { firstHostOf, formatIp, formatSubnet, hostRange, inRange, inSubnet, isIp, parseIp, parseSubnet, rangesOverlap, subnetsOverlap, type IpRange, type IpSubnet } from '../shared/ip'
import { dnsLabel, dnsSubdomain, tenantId } from '../shared/names'

/** Ranges that mean something else to every guest: this host, loopback, link-local with metadata services, multicast and beyond. */
export const reservedSubnets = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/8', 'fe80::/10', 'ff00::/8'].map(parseSubnet)
/** The largest frame a pod may send: 1500 bytes less what VXLAN takes. IPv6 demands 1280 (RFC 8200 section 5). */
export const maxMtu = 1450
const minMtu = 1280
/** Where services get their addresses in a network that does not say: the first of them that meets none of its subnets. */
const defaultServiceSubnets = { 4: ['10.96.0.0/16', '172.29.0.0/16', '192.168.240.0/20'], 6: ['fd96::/112', 'fd97::/112'] } as const

const maxSubnets = 16
const maxRoutes = 64

type Problem = (path: (string | number)[], message: string) => void

/** parseSubnet's own sentence where it refuses, and what no network may take. */
export function readSubnet(text: string, problem: (message: string) => void): IpSubnet | null {
  try {
    const subnet = parseSubnet(text)
    const clash = reservedSubnets.find((range) => subnetsOverlap(range, subnet))
    if (!clash) return subnet
    problem(`must not overlap ${formatSubnet(clash)}, which is reserved`)
  } catch (error) {
    problem(error instanceof Error ? error.message : 'is not a subnet')
  }
  return null
}

// What is no address ends the reading: the rules between fields compare addresses.
const ipText = z.string({ error: 'must be an IP address: quote it' }).refine(isIp, { error: 'must be an IP address', abort: true }).transform((text) => formatIp(parseIp(text)))

const allocationRange = z.strictObject({ start: ipText, end: ipText })
/** A subnet of a network, or of a pool. Addresses are given from the ranges alone; without them from the whole subnet. A pod may still ask for any other address of it. */
export const subnetSpec = z
  .strictObject({ cidr: z.string(), gateway: ipText.optional(), allocationRanges: z.array(allocationRange).min(1, 'must have a range, or be left out').max(32).optional() })
  .superRefine((value, context) => {
    const problem: Problem = (path, message) => context.addIssue({ code: 'custom', path, message })
    const cidr = readSubnet(value.cidr, (message) => problem(['cidr'], message))
    if (!cidr) return
    const [shortest, longest] = cidr.family === 4 ? [8, 29] : [48, 120]
    if (cidr.prefixLength < shortest || cidr.prefixLength > longest) problem(['cidr'], `must have a prefix length from ${shortest} to ${longest}`)
    const hosts = hostRange(cidr)
    if (value.gateway !== undefined && !inRange(hosts, parseIp(value.gateway))) problem(['gateway'], `must be a host address of ${value.cidr}`)
    const ranges = value.allocationRanges ?? []
    const read = ranges.map(({ start, end }): IpRange | null => {
      const [first, last] = [parseIp(start), parseIp(end)]
      return first.family === last.family ? { family: first.family, first: first.value, last: last.value } : null
    })
    for (const [i, range] of read.entries()) {
      const at = ['allocationRanges', i]
      if (!range || !inRange(hosts, { family: range.family, value: range.first })) problem([...at, 'start'], `must be a host address of ${value.cidr}`)
      else if (!inRange(hosts, { family: range.family, value: range.last })) problem([...at, 'end'], `must be a host address of ${value.cidr}`)
      else if (range.first > range.last) problem([...at, 'end'], 'must not be before start')
      else if (read.slice(0, i).some((other) => other && rangesOverlap(other, range))) problem(at, 'overlaps a range before it')
    }
  })
  .transform((value) => ({ ...value, gateway: value.gateway ?? formatIp(firstHostOf(parseSubnet(value.cidr))) }))

/** Names inside the network. `upstream`: other names are asked of `nameservers`, or of the host's where none are named. */
const dns = z.strictObject({
  domain: dnsSubdomain.max(128, 'must be at most 128 characters').default('cluster.local'),
  upstream: z.boolean({ error: 'must be true or false' }).default(true),
  nameservers: z.array(ipText).max(3, 'must be at most 3').default([]),
})

/** What lies behind a pod of the network: `via` is that pod's address, and it may send as `destination`. */
const route = z.strictObject({ destination: z.string(), via: ipText })

/** A network as Hypernetes writes it, with what a datacentre's network has beside it. */
export const networkSpec = z
  .strictObject({
    tenantID: tenantId.optional(),
    subnets: z
      .record(dnsLabel, subnetSpec, { error: 'must be a map of a subnet\'s name to its cidr and gateway' })
      .refine((subnets) => Object.keys(subnets).length >= 1, 'must have a subnet')
      .refine((subnets) => Object.keys(subnets).length <= maxSubnets, `must have at most ${maxSubnets} subnets`),
    /** Where services get their addresses, at most one subnet a family. */
    serviceCIDRs: z.array(z.string()).min(1, 'must have a subnet, or be left out').max(2, 'must have at most one subnet a family').optional(),
    dns: dns.default({ domain: 'cluster.local', upstream: true, nameservers: [] }),
    routes: z.array(route).max(maxRoutes, `must be at most ${maxRoutes}`).default([]),
    /** Whether pods reach the outside through the host's address. IPv6 stays inside. */
    outbound: z.enum(['nat', 'none'], { error: 'must be "nat" or "none"' }).default('nat'),
    mtu: z.number({ error: 'must be a number' }).int().min(minMtu, `must be ${minMtu} to ${maxMtu}`).max(maxMtu, `must be ${minMtu} to ${maxMtu}`).default(maxMtu),
  })
  .superRefine((spec, context) => {
    const problem: Problem = (path, message) => context.addIssue({ code: 'custom', path, message })
    const taken: { name: string; cidr: IpSubnet }[] = []
    const take = (path: (string | number)[], name: string, cidr: IpSubnet) => {
      const clash = taken.find((other) => subnetsOverlap(other.cidr, cidr))
      if (clash) problem(path, `overlaps ${clash.name} (${formatSubnet(clash.cidr)})`)
      taken.push({ name, cidr })
    }
    for (const [name, { cidr }] of Object.entries(spec.subnets)) {
      const read = readSubnet(cidr, () => undefined)
      if (read) take(['subnets', name, 'cidr'], `subnet "${name}"`, read)
    }
    const families = new Set<number>()
    for (const [i, text] of (spec.serviceCIDRs ?? []).entries()) {
      const cidr = readSubnet(text, (message) => problem(['serviceCIDRs', i], message))
      if (!cidr) continue
      const [shortest, longest] = cidr.family === 4 ? [12, 28] : [108, 124]
      if (cidr.prefixLength < shortest || cidr.prefixLength > longest) problem(['serviceCIDRs', i], `must have a prefix length from ${shortest} to ${longest}`)
      if (families.has(cidr.family)) problem(['serviceCIDRs', i], 'must be of another family than the one before it')
      families.add(cidr.family)
      take(['serviceCIDRs', i], 'the addresses of services', cidr)
    }
    for (const [i, { destination, via }] of spec.routes.entries()) {
      const cidr = readSubnet(destination, (message) => problem(['routes', i, 'destination'], message))
      if (cidr) take(['routes', i, 'destination'], `the destination of route ${i + 1}`, cidr)
      const holder = Object.values(spec.subnets).find((one) => {
        const read = readSubnet(one.cidr, () => undefined)
        return read && inSubnet(read, parseIp(via)) && one.gateway !== via
      })
      if (!holder) problem(['routes', i, 'via'], 'must be an address of a pod: in a subnet of this network, and not its gateway')
      else if (cidr && cidr.family !== parseIp(via).family) problem(['routes', i, 'via'], 'must be of the same family as destination')
    }
  })
export type NetworkSpec = z.infer<typeof networkSpec>
export type NetworkSpecInput = z.input<typeof networkSpec>
export type Subnet = NetworkSpec['subnets'][string]
export type NamedSubnet = Subnet & { name: string }

/** The subnets by their names, whatever the order in which they are written (a map has none), or one family's. */
export const subnetsOf = (spec: NetworkSpec, family?: 4 | 6): NamedSubnet[] =>
  Object.entries(spec.subnets).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => ({ name, ...one })).filter(({ cidr }) => family === undefined || parseSubnet(cidr).family === family)

/** Where services get their addresses: as the spec says, or for each family of its subnets the first default that is free. */
export function serviceSubnets(spec: NetworkSpec): string[] {
  if (spec.serviceCIDRs) return spec.serviceCIDRs
  const taken = [...subnetsOf(spec).map(({ cidr }) => cidr), ...spec.routes.map(({ destination }) => destination)].map(parseSubnet)
  const families = [4, 6] as const
  return families.filter((family) => subnetsOf(spec, family).length > 0).flatMap((family) => defaultServiceSubnets[family].find((text) => !taken.some((other) => subnetsOverlap(other, parseSubnet(text)))) ?? [])
}

/** The IPv4 subnet that pods get their addresses from where they name none; a network of IPv6 alone has none. */
export function podSubnet(spec: NetworkSpec): NamedSubnet {
  const [first] = [...subnetsOf(spec, 4), ...subnetsOf(spec)]
  if (!first) throw new TypeError('a network without a subnet')
  return first
}

/** How many pods a subnet has addresses for: what its ranges or all its hosts hold, without the gateway. At most 2^53 - 1. */
export function subnetCapacity({ cidr, gateway, allocationRanges }: Subnet): number {
  const way = parseIp(gateway)
  const ranges = allocationRanges?.map(({ start, end }): IpRange => ({ family: way.family, first: parseIp(start).value, last: parseIp(end).value })) ?? [hostRange(parseSubnet(cidr))]
  const count = ranges.reduce((sum, range) => sum + range.last - range.first + 1n - (inRange(range, way) ? 1n : 0n), 0n)
  return count > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(count)
}
