import { serviceSubnets, subnetsOf, type NetworkSpec } from '@/domain/network/spec'
import { subnetsMeet } from '@/domain/network-peering/overlap'
import { peeringState } from '@/domain/network-peering/state'
import { familyOf } from '@/domain/shared/ip'
import type { JudgedPeering } from '@/server/store/network-control'

export type Verdict = { status: 'True' | 'False'; reason: string; message: string }

/** Whether pods and services of a network can have addresses. Pure. */
export function judgeNetwork(name: string, spec: NetworkSpec): Verdict {
  if (subnetsOf(spec, 4).length === 0) return { status: 'False', reason: 'NoIPv4Subnet', message: `Network "${name}" has no IPv4 subnet, and pods with IPv6 alone are not carried out: add an IPv4 subnet.` }
  const without = ([4, 6] as const).find((family) => subnetsOf(spec, family).length > 0 && !serviceSubnets(spec).some((cidr) => familyOf(cidr) === family))
  if (without) return { status: 'False', reason: 'NoServiceSubnet', message: `Network "${name}" has no IPv${without} subnet for services: name one in serviceCIDRs.` }
  const subnets = subnetsOf(spec).map((subnet) => subnet.cidr)
  return { status: 'True', reason: 'Ready', message: `Pods get addresses of ${subnets.join(', ')}, services of ${serviceSubnets(spec).join(' and ')}.` }
}

/**
 * Whether a peering of these is active. To a network, an address is one place: of two others that share addresses, one of its own tenant
 * comes before another's, and else the one whose peering is older, for both sides of it. Pure.
 */
export function judgePeering(peering: JudgedPeering, around: readonly JudgedPeering[]): Verdict {
  const { own, other, peerNetwork } = peering
  const { active, condition } = stateOf(peering)
  const verdict: Verdict = { status: active ? 'True' : 'False', reason: condition.reason, message: condition.message }
  if (!active || !other) return verdict
  const pairs = olderPairs(peering, around)
  for (const [here, there] of [[own, other], [other, own]] as const) {
    const met = pairs.flatMap((pair) => (pair.own.uid === here.uid ? (pair.other ?? []) : pair.other?.uid === here.uid ? pair.own : [])).find((third) => third.uid !== there.uid && subnetsMeet(there.spec, third.spec))
    if (!met) continue
    const where = here === own ? `Network "${own.name}" is connected with "${met.name}" already, which has addresses that "${there.name}" has too` : `Network "${peerNetwork}" is connected already with a network that has addresses of "${own.name}"`
    return { status: 'False', reason: 'PeersOverlap', message: `${where}: to one network, an address is one place. Change the subnets of one of them, or delete the other peering.` }
  }
  return verdict
}

const ofOneTenant = ({ tenantId, peerTenantId }: JudgedPeering): boolean => tenantId === peerTenantId

function stateOf(peering: JudgedPeering): ReturnType<typeof peeringState> {
  const { own, other, agreed, agreedSubnets, covered, peerTenantId, peerNetwork, slug, spec } = peering
  const sameTenant = ofOneTenant(peering)
  return peeringState({ own: own.spec, peer: other?.spec ?? null, agreed, agreedSubnets, covered, sameTenant, names: { own: own.name, peer: peerNetwork, tenant: sameTenant ? slug : (spec.peer.tenant ?? peerTenantId) } })
}

const pairOf = ({ own, other }: JudgedPeering): string => [own.uid, other?.uid ?? ''].sort().join(' ')

/** The active peerings of other pairs of networks that come before this pair: of one tenant first, then those that began first. */
function olderPairs(peering: JudgedPeering, around: readonly JudgedPeering[]): JudgedPeering[] {
  const began = new Map<string, string>()
  for (const one of around) {
    const age = `${ofOneTenant(one) ? 0 : 1} ${one.createdAt.toISOString()} ${one.uid}`
    const key = pairOf(one)
    const known = began.get(key)
    if (known === undefined || age < known) began.set(key, age)
  }
  const own = began.get(pairOf(peering)) ?? ''
  return around.filter((one) => one.other && pairOf(one) !== pairOf(peering) && (began.get(pairOf(one)) ?? '') < own && stateOf(one).active)
}
