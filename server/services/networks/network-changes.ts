import { formatPath } from '@/domain/manifest/source'
import { serviceSubnets, subnetsOf, type NetworkSpec } from '@/domain/network/spec'
import { overlapOf } from '@/domain/network-peering/overlap'
import type { Problem } from '@/domain/shared/errors'
import { familyOf, inSubnet, parseIp, parseSubnet, subnetsOverlap } from '@/domain/shared/ip'

const problem = (path: (string | number)[], message: string): Problem => ({ path: formatPath(['spec', ...path]), line: null, message })

/**
 * A spec that says where services get their addresses, so that this never moves by itself: as written, else as it was, else the first
 * default that is free. A family that comes later gets its own. What no default is free for must be written.
 */
export function withServiceSubnets(spec: NetworkSpec, before: NetworkSpec | null): { spec: NetworkSpec; problems: Problem[] } {
  if (spec.serviceCIDRs) return { spec, problems: [] }
  const kept = before ? serviceSubnets(before) : []
  const problems = kept.flatMap((cidr) => clashes(spec, cidr))
  const added = serviceSubnets(spec).filter((cidr) => !kept.some((one) => familyOf(one) === familyOf(cidr)))
  const serviceCIDRs = [...kept, ...added]
  for (const family of [4, 6] as const) {
    if (subnetsOf(spec, family).length > 0 && !serviceCIDRs.some((cidr) => familyOf(cidr) === family)) problems.push(problem(['serviceCIDRs'], `must name a subnet of IPv${family} for the addresses of services: the network's own subnets leave none of the usual ones free`))
  }
  return { spec: { ...spec, serviceCIDRs }, problems }
}

/** What of a spec that leaves the addresses of services as they are meets them. */
function clashes(spec: NetworkSpec, cidr: string): Problem[] {
  const services = parseSubnet(cidr)
  const message = `overlaps ${cidr}, where the services of the network have their addresses: choose another subnet, or move them by serviceCIDRs`
  return [
    ...subnetsOf(spec).filter((one) => subnetsOverlap(parseSubnet(one.cidr), services)).map(({ name }) => problem(['subnets', name, 'cidr'], message)),
    ...spec.routes.flatMap(({ destination }, i) => (subnetsOverlap(parseSubnet(destination), services) ? [problem(['routes', i, 'destination'], message)] : [])),
  ]
}

type Named = { namespace: string; name: string }
/** What lies in a network now. `peers`: the other networks of its tenant that a peering connects it with. */
export type NetworkUse = { pods: number; addresses: (Named & { kind: 'pod' | 'load balancer'; address: string })[]; subnets: (Named & { subnet: string })[]; serviceAddresses: string[]; peers: { peering: string; network: string; spec: NetworkSpec }[] }

const who = ([first, ...others]: readonly (Named & { kind?: string })[], verb: string): string => (first ? `${first.kind ?? 'pod'} "${first.name}" in namespace "${first.namespace}"${others.length > 0 ? ` and ${others.length} more ${verb === 'has' ? 'have' : 'name'}` : ` ${verb}`}` : '')

/** Why a network may not change so while it is used. Subnets, ranges and routes may come; what pods and services have may not go. */
export function problemsOfChange(before: NetworkSpec, after: NetworkSpec, use: NetworkUse): Problem[] {
  return [...subnetProblems(before, after, use), ...serviceProblems(before, after, use), ...guestProblems(before, after, use), ...peerProblems(after, use)]
}

function subnetProblems(before: NetworkSpec, after: NetworkSpec, use: NetworkUse): Problem[] {
  return subnetsOf(before).flatMap(({ name, cidr, gateway }): Problem[] => {
    const now = Object.hasOwn(after.subnets, name) ? after.subnets[name] : undefined
    if (now?.cidr === cidr && now.gateway === gateway) return []
    const subnet = parseSubnet(cidr)
    const [path, what] = now ? [['subnets', name, now.cidr === cidr ? 'gateway' : 'cidr'], 'cannot change'] : [['subnets'], `must keep "${name}" (${cidr})`]
    const holders = use.addresses.filter(({ address }) => inSubnet(subnet, parseIp(address)))
    if (holders.length > 0) return [problem(path, `${what} while ${who(holders, 'has')} an address of it: delete ${holders.length === 1 ? 'it' : 'them'} first${now && now.cidr !== cidr ? ', or leave it as it is and add another subnet' : ''}`)]
    const naming = use.subnets.filter((one) => one.subnet === name)
    return naming.length > 0 && !now ? [problem(path, `${what} while ${who(naming, 'names')} it: delete ${naming.length === 1 ? 'it' : 'them'} first`)] : []
  })
}

function serviceProblems(before: NetworkSpec, after: NetworkSpec, { serviceAddresses }: NetworkUse): Problem[] {
  const now = serviceSubnets(after).map(parseSubnet)
  const lost = serviceAddresses.filter((address) => !now.some((subnet) => inSubnet(subnet, parseIp(address))))
  if (lost.length === 0) return []
  return [problem(['serviceCIDRs'], `must hold the addresses that services have (${lost.length} of ${serviceSubnets(before).join(' and ')}, such as ${lost[0]}): delete the services first`)]
}

/** What a guest is told once, when it starts. */
function guestProblems(before: NetworkSpec, after: NetworkSpec, { pods }: NetworkUse): Problem[] {
  if (pods === 0) return []
  const cause = `cannot change while ${pods === 1 ? '1 pod uses the network, for it was told when it started: delete it' : `${pods} pods use the network, for they were told when they started: delete them`} first`
  return [...(before.mtu !== after.mtu ? [problem(['mtu'], cause)] : []), ...(before.dns.domain !== after.dns.domain ? [problem(['dns', 'domain'], cause)] : [])]
}

function peerProblems(after: NetworkSpec, { peers }: NetworkUse): Problem[] {
  return peers.flatMap(({ peering, network, spec }) => {
    const overlap = overlapOf(after, spec)
    return overlap ? [problem(overlap.path, `overlaps ${overlap.other} of network "${network}", which the peering "${peering}" connects it with: choose another subnet, or delete the peering`)] : []
  })
}
