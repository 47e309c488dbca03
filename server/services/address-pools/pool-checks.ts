import { poolClashes, transitPool } from '@/domain/address-pool/overlap'
import type { AddressPoolSpec } from '@/domain/address-pool/spec'
import { defaultNetwork } from '@/domain/network/default'
import type { Problem } from '@/domain/shared/errors'
import { familyOf, parseSubnet, subnetsOverlap } from '@/domain/shared/ip'

const problem = (path: string, message: string): Problem => ({ path, line: null, message })
const overlap = (a: string, b: string): boolean => subnetsOverlap(parseSubnet(a), parseSubnet(b))

/** What lies around a pool. `networks`: how many tenants' networks share addresses with it, whose they are is nobody's to know. */
export type PoolSurroundings = { others: { name: string; cidr: string; default: boolean }[]; networks: number }

/** Why a pool cannot be so, beside all others that there are. Empty when it can. */
export function problemsOfPool(spec: AddressPoolSpec, { others, networks }: PoolSurroundings): Problem[] {
  const { cidr } = spec.subnet
  const problems = others.filter((other) => overlap(other.cidr, cidr)).map((other) => problem('spec.subnet.cidr', `overlaps the pool "${other.name}" (${other.cidr}): choose another subnet`))
  if (overlap(transitPool, cidr)) problems.push(problem('spec.subnet.cidr', `overlaps ${transitPool}, where hosts have their addresses between themselves and networks: choose another subnet`))
  if (poolClashes(defaultNetwork, [{ name: '', cidr }]).length > 0) problems.push(problem('spec.subnet.cidr', 'overlaps the network "default" that each tenant begins with: choose another subnet'))
  else if (networks > 0) problems.push(problem('spec.subnet.cidr', `overlaps ${networks === 1 ? 'a network of a tenant' : `${networks} networks of tenants`} (subnets, services or routes): pods there would not reach the pool; choose another subnet`))
  const usual = others.find((other) => other.default && familyOf(other.cidr) === familyOf(cidr))
  if (spec.default && usual) problems.push(problem('spec.default', `is what the pool "${usual.name}" is for IPv${familyOf(cidr)}: set it to false there first`))
  return problems
}

/** What of a pool tenants have. `outside`: those of their addresses that the new ranges would leave out. */
export type PoolUse = { addresses: number; outside: { some: string[]; count: number } }

/** Why a pool may not change so while tenants have addresses of it. */
export function problemsOfPoolChange(before: AddressPoolSpec, after: AddressPoolSpec, { addresses, outside }: PoolUse): Problem[] {
  if (addresses === 0) return []
  const use = addresses === 1 ? 'a tenant has an address of it' : `tenants have ${addresses} addresses of it`
  const problems = (['cidr', 'gateway'] as const).filter((field) => before.subnet[field] !== after.subnet[field]).map((field) => problem(`spec.subnet.${field}`, `cannot change while ${use}: make another pool`))
  if (problems.length === 0 && outside.count > 0) problems.push(problem('spec.subnet.allocationRanges', `must hold the addresses that tenants have: ${outside.some.join(', ')}${outside.count > outside.some.length ? ` and ${outside.count - outside.some.length} more` : ''} would be left out`))
  return problems
}
