import type { Condition } from '../shared/condition'
import { subnetsOf, type NetworkSpec } from '../network/spec'
import { overlapOf, publicSubnetOf } from './overlap'

/**
 * `own`: the network that the peering is of. `agreed`: the other side lets it in; one tenant agrees with itself. `peer`: the other network,
 * or null where there is none. Of another tenant's side nothing may be told before it has agreed: null and not agreed look alike.
 * `agreedSubnets`: the other tenant's subnets when this peering first became active, null before; `covered`: whether the other side agreed to `own`'s.
 */
export type PeeringSides = { own: NetworkSpec; peer: NetworkSpec | null; agreed: boolean; agreedSubnets: readonly string[] | null; covered: boolean; sameTenant: boolean; names: { own: string; peer: string; tenant: string } }
export type PeeringVerdict = { active: boolean; condition: Omit<Condition, 'lastTransitionTime'> }

const no = (reason: string, message: string): PeeringVerdict => ({ active: false, condition: { type: 'Active', status: 'False' as const, reason, message } })

/** Whether two networks may talk by a peering, and the condition that says what is missing. */
export function peeringState(sides: PeeringSides): PeeringVerdict {
  const { own, peer, agreed, sameTenant, names } = sides
  if (sameTenant && !peer) return no('NoNetwork', `The network "${names.peer}" does not exist: create it, or delete this peering.`)
  if (!agreed || !peer) return no('NotAgreed', `The other side has not agreed: somebody of tenant "${names.tenant}" creates a NetworkPeering there that names this tenant and its network "${names.own}". Check, too, that the tenant and the network "${names.peer}" are written as they are called there.`)
  const overlap = overlapOf(own, peer)
  if (overlap) return no('SubnetsOverlap', `In network "${names.own}", ${overlap.own} has addresses that network "${names.peer}" has too (${overlap.other}): networks that talk need subnets of their own. Change one of them.`)
  const refusal = sameTenant ? null : (publicAddresses(sides, peer) ?? notAgreedOn(sides, peer))
  return refusal ?? { active: true, condition: { type: 'Active', status: 'True', reason: 'Agreed', message: `Pods of "${names.own}" and "${names.peer}"${sameTenant ? '' : ` (${subnetsOf(peer).map(({ cidr }) => cidr).join(', ')})`} reach each other.` } }
}

/** What leads to the Internet for one tenant is never led to another: whoever has such addresses could stand in for others. */
function publicAddresses({ own, names }: PeeringSides, peer: NetworkSpec): PeeringVerdict | null {
  for (const [spec, name] of [[own, names.own], [peer, names.peer]] as const) {
    const found = publicSubnetOf(spec)
    if (found) return no('PublicSubnet', `Network "${name}" has the subnet ${found}, whose addresses are others' on the Internet: networks of two tenants are connected with private addresses alone (RFC 1918, 100.64.0.0/10, fc00::/7). Take it out.`)
  }
  return null
}

/** One tenant agrees to the other's network as it is: what comes later is for it to agree to anew. */
function notAgreedOn({ agreedSubnets, covered, names }: PeeringSides, peer: NetworkSpec): PeeringVerdict | null {
  const added = agreedSubnets && subnetsOf(peer).find(({ cidr }) => !agreedSubnets.includes(cidr))
  if (added) return no('SubnetsChanged', `Network "${names.peer}" of tenant "${names.tenant}" has the subnet ${added.cidr}, which it had not when this peering was agreed on: to agree to it, delete this peering and create it anew.`)
  return covered ? null : no('SubnetsChanged', `Network "${names.own}" has a subnet that tenant "${names.tenant}" has not agreed to: somebody there deletes the NetworkPeering that names "${names.own}" and creates it anew, or take the subnet out.`)
}
