import type { Condition } from '../shared/condition'
import { formatSubnet, parseSubnet, subnetsOverlap } from '../shared/ip'
import { subnetsOf, type NetworkSpec } from '../network/spec'

/** The first pair of subnets that two networks share addresses in, or null. Services' addresses stay inside each network and may be the same. */
export function overlapOf(own: NetworkSpec, other: NetworkSpec): { own: string; other: string } | null {
  const theirs = subnetsOf(other).map(({ cidr }) => parseSubnet(cidr))
  for (const { name, cidr } of subnetsOf(own)) {
    const met = theirs.find((subnet) => subnetsOverlap(parseSubnet(cidr), subnet))
    if (met) return { own: name, other: formatSubnet(met) }
  }
  return null
}

/**
 * `own`: the network that the peering is of. `agreed`: the other side lets it in; one tenant agrees with itself. `peer`: the other network,
 * or null where there is none. Of another tenant's side nothing may be told before it has agreed: null and not agreed look alike.
 */
export type PeeringSides = { own: NetworkSpec; peer: NetworkSpec | null; agreed: boolean; sameTenant: boolean; names: { own: string; peer: string; tenant: string } }

/** Whether two networks may talk by a peering, and the condition that says what is missing. */
export function peeringState({ own, peer, agreed, sameTenant, names }: PeeringSides): { active: boolean; condition: Omit<Condition, 'lastTransitionTime'> } {
  const no = (reason: string, message: string) => ({ active: false, condition: { type: 'Active', status: 'False' as const, reason, message } })
  if (sameTenant && !peer) return no('NoNetwork', `The network "${names.peer}" does not exist: create it, or delete this peering.`)
  if (!agreed || !peer) return no('NotAgreed', `The other side has not agreed: somebody of tenant "${names.tenant}" creates a NetworkPeering there that names this tenant and its network "${names.own}". Check, too, that the tenant and the network "${names.peer}" are written as they are called there.`)
  const overlap = overlapOf(own, peer)
  if (overlap) return no('SubnetsOverlap', `Subnet "${overlap.own}" of network "${names.own}" has addresses that network "${names.peer}" has too: networks that talk need subnets of their own. Change one of them.`)
  return { active: true, condition: { type: 'Active', status: 'True', reason: 'Agreed', message: `Pods of "${names.own}" and "${names.peer}" reach each other.` } }
}
