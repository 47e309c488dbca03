import { createHash } from 'node:crypto'
import type { NetworkPolicyObject, NetworkPolicyRule } from '@/contracts/host/v1/networks'
import type { StateGroup, StatePod, StatePolicy } from '@/domain/network/state'
import type { NetworkPolicyPeer, NetworkPolicySpec } from '@/domain/network-policy/spec'
import { isSame } from './is-same'
import { numbersOf, type Members } from './members'

/** An address is a member of one part of a policy, which has so many at most, half of what the contract allows. */
const maxMembers = 50_000

/** A security group as hosts carry it out: what its rules name is found out here. Of the same row with the same pods the same object, as with services. */
export function groupObjects(group: StateGroup, members: Members): NetworkPolicyObject[] {
  const { uid, name, spec } = group
  const rules = spec.rules.map((rule, i): NetworkPolicyRule => ({
    id: `rules[${i}]`,
    direction: rule.direction,
    protocol: rule.protocol,
    ports: rule.ports?.map(({ port, endPort }) => ({ first: port, last: endPort ?? port })) ?? null,
    icmpTypes: rule.icmpTypes ?? null,
    peer: { cidrs: rule.cidr === undefined ? null : [{ cidr: rule.cidr, except: [] }], addresses: rule.group === undefined ? null : members.addressesOfGroup(rule.group) },
  }))
  const directions = spec.rules.some(({ direction }) => direction === 'egress') ? (['ingress', 'egress'] as const) : (['ingress'] as const)
  return sameAsBefore(group, inParts({ kind: 'policy', uid, source: 'SecurityGroup', namespace: null, name, members: members.addressesOfGroup(name), directions: [...directions] }, rules, members))
}

/** With very many members it is several policies of the same rules: a member of any is held to them. */
function inParts(policy: Omit<NetworkPolicyObject, 'rules'>, rules: Iterable<NetworkPolicyRule>, members: Members): NetworkPolicyObject[] {
  members.countMembers(policy.members)
  const kept = members.within(rules, policy.namespace === null ? policy.name : `${policy.namespace}/${policy.name}`)
  if (policy.members.length <= maxMembers) return [{ ...policy, rules: kept }]
  const parts = Array.from({ length: Math.ceil(policy.members.length / maxMembers) }, (_, i) => policy.members.slice(i * maxMembers, (i + 1) * maxMembers))
  return parts.map((own, i) => ({ ...policy, uid: i === 0 ? policy.uid : uidOfPart(policy.uid, `members ${i}`), members: own, rules: kept }))
}

const before = new WeakMap<StateGroup | StatePolicy, NetworkPolicyObject[]>()
function sameAsBefore(row: StateGroup | StatePolicy, now: NetworkPolicyObject[]): NetworkPolicyObject[] {
  const objects = now.map((object, i) => {
    const known = before.get(row)?.[i]
    return known && isSame(known, object) ? known : object
  })
  before.set(row, objects)
  return objects
}

type Port = NetworkPolicySpec['ingress'][number]['ports'][number]
type Range = { first: number; last: number }
/** Pods of one policy differ in what a port's name means to them in so many ways at most. */
const maxParts = 64
/** Of one rule (contracts/host/v1/networks.ts). */
const maxRanges = 100
const anyPeer = { cidrs: null, addresses: null }

/**
 * A NetworkPolicy as hosts carry it out. A port's name means to each of its pods that pod's own port, so that pods that differ in
 * it become policies of their own; a pod is in one of them.
 */
export function policyObjects(policy: StatePolicy, members: Members): NetworkPolicyObject[] {
  const { uid, namespace, name, spec } = policy
  const names = [...new Set(spec.ingress.flatMap(({ ports }) => ports.flatMap(({ port, protocol }) => (typeof port === 'string' ? `${protocol}/${port}` : []))))].sort()
  const selected = members.inNamespace(namespace, spec.podSelector)
  const nothing = JSON.stringify(names.map(() => []))
  const alike = names.length === 0 ? new Map(selected.length > 0 ? [[nothing, selected]] : []) : alikeIn(names, selected, nothing, members)
  // Of no pod it is still told: it is what a page shows of it.
  const parts: [string, StatePod[]][] = alike.size > 0 ? [...alike].sort(([a], [b]) => (a < b ? -1 : 1)) : [['', []]]
  const directions = spec.policyTypes.map((type) => (type === 'Ingress' ? ('ingress' as const) : ('egress' as const)))
  return sameAsBefore(policy, parts.flatMap(([key, pods], i) => {
    const known = key === nothing ? undefined : pods[0]
    return inParts({ kind: 'policy', uid: i === 0 ? uid : uidOfPart(uid, key), source: 'NetworkPolicy', namespace, name, members: members.addressesOf(pods), directions }, rulesOf(policy, known, members), members)
  }))
}

/** The pods by what they mean by the names. To those of one more kind than there may be, the names mean nothing. */
function alikeIn(names: readonly string[], pods: readonly StatePod[], nothing: string, members: Members): Map<string, StatePod[]> {
  const alike = new Map<string, StatePod[]>()
  const mayLook = members.mayLook(pods.length * names.length)
  for (const pod of pods) {
    const own = mayLook ? JSON.stringify(names.map((one) => numbersOf(pod, one))) : null
    const isKnown = own !== null && (alike.has(own) || alike.size < maxParts)
    const key = isKnown ? own : nothing
    if (!isKnown) members.podsLeftOut += 1
    const others = alike.get(key)
    if (others) others.push(pod)
    else alike.set(key, [pod])
  }
  return alike
}

function* rulesOf(policy: StatePolicy, member: StatePod | undefined, members: Members): Generator<NetworkPolicyRule> {
  yield* ingressRules(policy, member, members)
  yield* egressRules(policy, members)
}

function* ingressRules({ namespace, spec }: StatePolicy, member: StatePod | undefined, members: Members): Generator<NetworkPolicyRule> {
  for (const [i, { from, ports }] of spec.ingress.entries()) {
    const rules = portRules(ports, (named) => (member ? numbersOf(member, named) : []))
    for (const { id, peer } of sidesOf(from, `ingress[${i}].from`)) {
      const side = peer === null ? anyPeer : peer.ipBlock ? { cidrs: [peer.ipBlock], addresses: null } : { cidrs: null, addresses: members.addressesOf(members.ofPeer(namespace, peer)) }
      for (const rule of rules) yield { id, direction: 'ingress', icmpTypes: null, peer: side, ...rule }
    }
  }
}

function* egressRules({ namespace, spec }: StatePolicy, members: Members): Generator<NetworkPolicyRule> {
  for (const [i, { to, ports }] of spec.egress.entries()) {
    const plain = ports.filter(({ port }) => typeof port !== 'string')
    const rules = ports.length > 0 && plain.length === 0 ? [] : portRules(plain, () => [])
    // Going out, a port's name is the other side's: a rule for the pods that mean the same by it.
    const names = new Set(ports.flatMap(({ port, protocol }) => (typeof port === 'string' ? `${protocol}/${port}` : [])))
    for (const { id, peer } of sidesOf(to, `egress[${i}].to`)) {
      const pods = peer === null ? members.all : peer.ipBlock ? [] : members.ofPeer(namespace, peer)
      const side = peer === null ? anyPeer : peer.ipBlock ? { cidrs: [peer.ipBlock], addresses: null } : { cidrs: null, addresses: members.addressesOf(pods) }
      for (const rule of rules) yield { id, direction: 'egress', icmpTypes: null, peer: side, ...rule }
      for (const named of names) {
        const protocol = named.startsWith('TCP/') ? 'tcp' : 'udp'
        for (const { ports: numbers, addresses } of members.portsNamed(pods, named)) yield { id, direction: 'egress', protocol, ports: numbers, icmpTypes: null, peer: { cidrs: null, addresses } }
      }
    }
  }
}

/** Each side of a rule by itself, so that an answer can name it; one that means everybody where there is none. */
const sidesOf = (peers: readonly NetworkPolicyPeer[], path: string): { id: string; peer: NetworkPolicyPeer | null }[] =>
  peers.length === 0 ? [{ id: path.replace(/\.[a-z]+$/, ''), peer: null }] : peers.map((peer, i) => ({ id: `${path}[${i}]`, peer }))

type PortRule = Pick<NetworkPolicyRule, 'protocol' | 'ports'>
/** A rule a protocol; one for all of them where no ports are written. A name that means no port lets nothing through. */
function portRules(ports: readonly Port[], numbers: (named: string) => number[]): PortRule[] {
  if (ports.length === 0) return [{ protocol: 'any', ports: null }]
  return (['TCP', 'UDP'] as const).flatMap((protocol): PortRule[] => {
    const own = ports.filter((one) => one.protocol === protocol)
    const word = protocol === 'TCP' ? 'tcp' : 'udp'
    if (own.some(({ port }) => port === undefined)) return [{ protocol: word, ports: null }]
    const ranges = own.flatMap(({ port, endPort }): Range[] => (typeof port === 'number' ? [{ first: port, last: endPort ?? port }] : numbers(`${protocol}/${port}`).map((first) => ({ first, last: first }))))
    return ranges.length > 0 ? [{ protocol: word, ports: ranges.slice(0, maxRanges) }] : []
  })
}

/** A name for a part of a policy that is the same each time (RFC 9562 section 5.8). */
function uidOfPart(uid: string, key: string): string {
  const bytes = createHash('sha256').update(`${uid} ${key}`).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
