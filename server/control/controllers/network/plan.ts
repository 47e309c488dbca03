import { serviceSubnets, subnetsOf, type NetworkSpec } from '@/domain/network/spec'
import { overlapOf, peeringState } from '@/domain/network-peering/state'
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
 * Whether a peering of these is active. To a network, an address is one place: of two others that share addresses, the one whose
 * peering is older counts, for both sides of it. Pure.
 */
export function judgePeering(peering: JudgedPeering, around: readonly JudgedPeering[]): Verdict {
  const { own, other, agreed, tenantId, peerTenantId, peerNetwork, slug, spec } = peering
  const sameTenant = tenantId === peerTenantId
  const names = { own: own.name, peer: peerNetwork, tenant: sameTenant ? slug : (spec.peer.tenant ?? peerTenantId) }
  const { active, condition } = peeringState({ own: own.spec, peer: other?.spec ?? null, agreed, sameTenant, names })
  const verdict: Verdict = { status: active ? 'True' : 'False', reason: condition.reason, message: condition.message }
  if (!active || !other) return verdict
  const pairs = olderPairs(peering, around)
  for (const [here, there] of [[own, other], [other, own]] as const) {
    const met = pairs.flatMap((pair) => (pair.own.uid === here.uid ? (pair.other ?? []) : pair.other?.uid === here.uid ? pair.own : [])).find((third) => third.uid !== there.uid && overlapOf(there.spec, third.spec))
    if (!met) continue
    const where = here === own ? `Network "${own.name}" is connected with "${met.name}" already, which has addresses that "${there.name}" has too` : `Network "${peerNetwork}" is connected already with a network that has addresses of "${own.name}"`
    return { status: 'False', reason: 'PeersOverlap', message: `${where}: to one network, an address is one place. Change the subnets of one of them, or delete the other peering.` }
  }
  return verdict
}

const pairOf = ({ own, other }: JudgedPeering): string => [own.uid, other?.uid ?? ''].sort().join(' ')

/** The agreed peerings of other pairs of networks that began before this pair did, and are in nobody's way themselves. */
function olderPairs(peering: JudgedPeering, around: readonly JudgedPeering[]): JudgedPeering[] {
  const began = new Map<string, string>()
  for (const one of around) {
    const age = `${one.createdAt.toISOString()} ${one.uid}`
    const key = pairOf(one)
    const known = began.get(key)
    if (known === undefined || age < known) began.set(key, age)
  }
  const own = began.get(pairOf(peering)) ?? ''
  return around.filter((one) => one.agreed && one.other && pairOf(one) !== pairOf(peering) && (began.get(pairOf(one)) ?? '') < own && !overlapOf(one.own.spec, one.other.spec))
}
