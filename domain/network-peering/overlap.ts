import { serviceSubnets, subnetsOf, type NetworkSpec } from '../network/spec'
import { formatSubnet, parseSubnet, subnetHolds, subnetsOverlap, type IpSubnet } from '../shared/ip'

/** What two networks share addresses in: `own` names it for people, `path` in the spec of the first network; `other` is the other's subnet. */
export type Overlap = { own: string; path: (string | number)[]; other: string }
type Place = { own: string; path: (string | number)[]; subnet: IpSubnet }

const podPlaces = (spec: NetworkSpec): Place[] => subnetsOf(spec).map(({ name, cidr }) => ({ own: `subnet "${name}"`, path: ['subnets', name, 'cidr'], subnet: parseSubnet(cidr) }))
/** Where else addresses of a network's own lead: a peer there would not be reached, or would be instead of it. */
const ownPlaces = (spec: NetworkSpec): Place[] => [
  ...spec.routes.map(({ destination }, i) => ({ own: `the destination of route ${i + 1}`, path: ['routes', i, 'destination'], subnet: parseSubnet(destination) })),
  ...serviceSubnets(spec).map((cidr, i) => ({ own: 'the subnet of the services', path: ['serviceCIDRs', i], subnet: parseSubnet(cidr) })),
]

function meeting(own: readonly Place[], other: readonly Place[]): Overlap | null {
  for (const place of own) {
    const met = other.find(({ subnet }) => subnetsOverlap(place.subnet, subnet))
    if (met) return { own: place.own, path: place.path, other: formatSubnet(met.subnet) }
  }
  return null
}

/** The first pair of subnets that two networks share addresses in, or null. */
export const subnetsMeet = (own: NetworkSpec, other: NetworkSpec): Overlap | null => meeting(podPlaces(own), podPlaces(other))

/**
 * The first addresses by which two networks cannot talk, or null: subnets that they share, or one's subnet where the other has a route or its services.
 * Services' addresses and routes stay inside each network and may be the same in both.
 */
export const overlapOf = (own: NetworkSpec, other: NetworkSpec): Overlap | null => subnetsMeet(own, other) ?? meeting(ownPlaces(own), podPlaces(other)) ?? meeting(podPlaces(own), ownPlaces(other))

/** Addresses that are nobody's on the Internet: RFC 1918, RFC 6598 and RFC 4193. */
const privateSubnets = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'].map(parseSubnet)

/** A network's first subnet of addresses that belong to somebody on the Internet, or null. */
export const publicSubnetOf = (spec: NetworkSpec): string | null => subnetsOf(spec).find(({ cidr }) => !privateSubnets.some((range) => subnetHolds(range, parseSubnet(cidr))))?.cidr ?? null
