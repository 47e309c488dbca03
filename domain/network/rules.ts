/**
 * What security groups, NetworkPolicies and the defaults of a network say about one packet: the meaning that host/network/policies
 * compiles into the kernel's rules. A connection is judged by its first side's request, the answers go with it.
 */
import { familyOf, formatIp, inSubnet, parseIp, parseSubnet, type Ip } from '../shared/ip'

export type RuleDirection = 'ingress' | 'egress'
export type RuleProtocol = 'any' | 'tcp' | 'udp' | 'icmp' | 'icmpv6'
/** `cidrs` and `addresses` null: every address. Else one of the subnets without the excepted, or one of the addresses. */
export type RulePeer = { readonly cidrs: readonly { readonly cidr: string; readonly except: readonly string[] }[] | null; readonly addresses: readonly string[] | null }
/** `ports` null: every port; else tcp and udp alone. `icmpTypes` null: every type. */
export type PolicyRule = { readonly id: string; readonly direction: RuleDirection; readonly protocol: RuleProtocol; readonly ports: readonly { readonly first: number; readonly last: number }[] | null; readonly icmpTypes: readonly number[] | null; readonly peer: RulePeer }
/** For the addresses of its members, in its directions, nothing passes but what a rule of one of their policies allows. */
export type Policy = { readonly uid: string; readonly source: 'SecurityGroup' | 'NetworkPolicy'; readonly namespace: string | null; readonly name: string; readonly members: readonly string[]; readonly directions: readonly RuleDirection[]; readonly rules: readonly PolicyRule[] }

/** What a network's rules depend on. `subnets` are its own and `peerSubnets` those of networks that it is peered with. What lies behind a pod (`routes`) is under that pod's policies. */
export type NetworkRules = {
  readonly subnets: readonly string[]
  readonly routes: readonly { readonly destination: string; readonly via: string }[]
  readonly peerSubnets: readonly string[]
  readonly policies: readonly Policy[]
  /** Addresses of the outside that are routed to its pods, which the policies name beside the pods' own: open to everybody where no policy judges their pod. Without it: none. */
  readonly routed?: readonly string[]
}

/** `port`: the target's, of tcp and udp (of a service: the endpoint's, not the service's own). `icmpType`: of the request; null: an echo request. `other`: protocols without ports. */
export type Traffic = { readonly protocol: 'tcp' | 'udp' | 'icmp' | 'other'; readonly port: number | null; readonly icmpType?: number | null }

/**
 * Why: `rule` allows; of `policies` none allows; the `default` for a pod of no policy; a pod always reaches itself; or the address is no pod's
 * of this network, so that its rules do not judge it.
 */
export type Because =
  | { readonly kind: 'rule'; readonly policy: Policy; readonly rule: PolicyRule }
  | { readonly kind: 'noRule'; readonly policies: readonly Policy[] }
  | { readonly kind: 'default'; readonly default: 'within' | 'out' | 'outside' | 'floating' }
  | { readonly kind: 'self' }
  | { readonly kind: 'foreign' }
export type Verdict = { readonly allowed: boolean; readonly because: Because }

const holds = (subnets: readonly string[], ip: Ip): boolean => subnets.some((text) => inSubnet(parseSubnet(text), ip))
const echoRequest = { 4: 8, 6: 128 } as const

/** Whether an address is the network's own: of a subnet, behind one of its pods, or routed to one. */
export const isOwn = ({ subnets, routes, routed = [] }: NetworkRules, address: string): boolean => routed.includes(address) || holds([...subnets, ...routes.map(({ destination }) => destination)], parseIp(address))

/** The policies of a direction that judge an address. */
export function policiesOf(network: NetworkRules, direction: RuleDirection, address: string): Policy[] {
  const ip = parseIp(address)
  const judged = network.routes.find(({ destination }) => inSubnet(parseSubnet(destination), ip))?.via ?? formatIp(ip)
  return network.policies.filter(({ directions, members }) => directions.includes(direction) && members.includes(judged))
}

/** Whether a rule fits a direction's traffic with the address of the other side. */
export function ruleAllows(rule: PolicyRule, traffic: Traffic, other: string): boolean {
  const ip = parseIp(other)
  return fitsProtocol(rule, traffic, ip) && fitsPeer(rule.peer, ip)
}

function fitsProtocol({ protocol, ports, icmpTypes }: PolicyRule, traffic: Traffic, { family }: Ip): boolean {
  const named = traffic.protocol === 'icmp' && family === 6 ? 'icmpv6' : traffic.protocol
  if (protocol !== 'any' && protocol !== named) return false
  if (ports !== null) return (named === 'tcp' || named === 'udp') && traffic.port !== null && ports.some(({ first, last }) => traffic.port! >= first && traffic.port! <= last)
  return icmpTypes === null || (traffic.protocol === 'icmp' && icmpTypes.includes(traffic.icmpType ?? echoRequest[family]))
}

function fitsPeer({ cidrs, addresses }: RulePeer, ip: Ip): boolean {
  if (cidrs === null && addresses === null) return true
  const inCidrs = (cidrs ?? []).some(({ cidr, except }) => inSubnet(parseSubnet(cidr), ip) && !holds(except, ip))
  return inCidrs || (addresses ?? []).includes(formatIp(ip))
}

/** Decides one direction for one of the network's pods: may it (`egress`) send this to the other address, or (`ingress`) get it from there? Throws a TypeError for what is no address. */
export function decide(network: NetworkRules, direction: RuleDirection, traffic: Traffic, pod: string, other: string): Verdict {
  if (!isOwn(network, pod)) return { allowed: true, because: { kind: 'foreign' } }
  const [ip, otherIp] = [parseIp(pod), parseIp(other)]
  if (familyOf(pod) === familyOf(other) && ip.value === otherIp.value) return { allowed: true, because: { kind: 'self' } }
  const policies = policiesOf(network, direction, pod)
  for (const policy of policies) {
    const rule = policy.rules.find((one) => one.direction === direction && ruleAllows(one, traffic, other))
    if (rule) return { allowed: true, because: { kind: 'rule', policy, rule } }
  }
  if (policies.length > 0) return { allowed: false, because: { kind: 'noRule', policies } }
  if (direction === 'egress') return { allowed: true, because: { kind: 'default', default: 'out' } }
  const within = isOwn(network, other) || holds(network.peerSubnets, otherIp)
  if (!within && network.routed?.includes(pod)) return { allowed: true, because: { kind: 'default', default: 'floating' } }
  return { allowed: within, because: { kind: 'default', default: within ? 'within' : 'outside' } }
}
