import { z } from 'zod'
import { contains, defaultGateway, formatIpv4, hostCount, isHost, isIpv4, overlaps, parseCidr, parseIpv4, type Cidr } from '../shared/cidr'
import { dnsLabel, tenantId } from '../shared/names'

/** Ranges that mean something else to every guest: this host, loopback, link-local with metadata services, multicast and beyond. */
const reserved = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map(parseCidr)

/** parseCidr's own sentence where it refuses. */
function readCidr(text: string, problem: (message: string) => void): Cidr | null {
  try {
    return parseCidr(text)
  } catch (error) {
    problem(error instanceof Error ? error.message : 'is not a CIDR')
    return null
  }
}

const subnet = z
  .strictObject({ cidr: z.string(), gateway: z.string().optional() })
  .superRefine((value, context) => {
    const problem = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
    const cidr = readCidr(value.cidr, (message) => problem('cidr', message))
    if (!cidr) return
    if (cidr.prefixLength < 8 || cidr.prefixLength > 29) problem('cidr', 'must have a prefix length from 8 to 29')
    const clash = reserved.find((range) => overlaps(range, cidr))
    if (clash) problem('cidr', `must not overlap ${formatIpv4(clash.network)}/${clash.prefixLength}, which is reserved`)
    if (value.gateway === undefined) return
    if (!isIpv4(value.gateway)) problem('gateway', 'must be an IPv4 address')
    else if (!contains(cidr, parseIpv4(value.gateway)) || !isHost(cidr, parseIpv4(value.gateway))) problem('gateway', `must be a host address of ${value.cidr}`)
  })
  .transform((value) => ({ cidr: value.cidr, gateway: value.gateway ?? formatIpv4(defaultGateway(parseCidr(value.cidr))) }))

/** A network as Hypernetes writes it. One subnet for now: more come with the tenant networks' second part. */
export const networkSpec = z.strictObject({
  tenantID: tenantId.optional(),
  subnets: z
    .record(dnsLabel, subnet, { error: 'must be a map of a subnet\'s name to its cidr and gateway' })
    .refine((subnets) => Object.keys(subnets).length >= 1, 'must have a subnet')
    .refine((subnets) => Object.keys(subnets).length <= 1, 'more than one subnet is not carried out yet: keep one'),
  /** Whether pods reach the outside through the host's address. */
  outbound: z.enum(['nat', 'none'], { error: 'must be "nat" or "none"' }).default('nat'),
})
export type NetworkSpec = z.infer<typeof networkSpec>
export type Subnet = { cidr: string; gateway: string }

/** The subnet that pods get their addresses from. */
export function podSubnet(spec: NetworkSpec): Subnet {
  const [first] = Object.values(spec.subnets)
  if (!first) throw new TypeError('a network without a subnet')
  return first
}

/** How many pods a subnet has addresses for: all its hosts but the gateway. */
export const subnetCapacity = (subnet: Subnet): number => hostCount(parseCidr(subnet.cidr)) - 1
