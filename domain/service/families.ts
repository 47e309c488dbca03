import { serviceSubnets, type NetworkSpec } from '../network/spec'
import { familyOf, type Family } from '../shared/ip'
import type { ServiceSpec } from './spec'

const number = { IPv4: 4, IPv6: 6 } as const

/** The addresses that a service asks for by itself; empty where it leaves them to the network or wants none. */
export const askedServiceAddresses = (spec: ServiceSpec): string[] => (spec.clusterIPs ?? [spec.clusterIP ?? 'None']).filter((address) => address !== 'None')
/** Whether a service has addresses of its own in its network. */
export const hasServiceAddresses = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName' && spec.clusterIP !== 'None' && spec.clusterIPs?.[0] !== 'None'

/**
 * The families of a service's addresses and endpoints, its first one first: what it asks for, else the network's first; both where
 * its policy or two families say so. `missing`: what it demands and its network has not.
 */
export function serviceFamilies(spec: ServiceSpec, network: NetworkSpec): { families: Family[]; missing: Family[] } {
  const there = serviceSubnets(network).map(familyOf)
  const asked = spec.ipFamilies?.map((name) => number[name]) ?? askedServiceAddresses(spec).map(familyOf)
  const ordered = [...new Set([...asked, ...there])]
  const wantsBoth = spec.ipFamilyPolicy ? spec.ipFamilyPolicy !== 'SingleStack' : asked.length === 2
  if (spec.ipFamilyPolicy === 'PreferDualStack') return { families: ordered.filter((family) => there.includes(family)), missing: [] }
  const wanted: Family[] = wantsBoth ? [...new Set([...ordered, 4 as const, 6 as const])] : ordered.slice(0, 1)
  return { families: wanted.filter((family) => there.includes(family)), missing: wanted.filter((family) => !there.includes(family)) }
}
