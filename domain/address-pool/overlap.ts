import { serviceSubnets, subnetsOf, type NetworkSpec } from '../network/spec'
import { parseSubnet, subnetsOverlap } from '../shared/ip'

/** Where a host's addresses between itself and its networks come from, unless an operator says otherwise: RFC 6598's shared space, which ordinary networks do not use. */
export const transitPool = '100.64.0.0/10'

/** A place of a network's spec where addresses of a pool would lead to something else, and which pool. */
export type PoolClash = { path: (string | number)[]; pool: { name: string; cidr: string } }

/** Every place where a network and a pool share addresses: its subnets, its services, and what lies behind its routes. */
export function poolClashes(spec: NetworkSpec, pools: readonly PoolClash['pool'][]): PoolClash[] {
  const places: { path: (string | number)[]; cidr: string }[] = [
    ...subnetsOf(spec).map(({ name, cidr }) => ({ path: ['subnets', name, 'cidr'], cidr })),
    ...serviceSubnets(spec).map((cidr, i) => ({ path: ['serviceCIDRs', i], cidr })),
    ...spec.routes.map(({ destination }, i) => ({ path: ['routes', i, 'destination'], cidr: destination })),
  ]
  return places.flatMap(({ path, cidr }) => {
    const pool = pools.find((one) => subnetsOverlap(parseSubnet(one.cidr), parseSubnet(cidr)))
    return pool ? [{ path, pool }] : []
  })
}
