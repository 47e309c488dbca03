import { createHash } from 'node:crypto'
import type { NetworkPolicyObject, NetworkPolicyRule } from '@/contracts/host/v1'
import type { StateGroup, StatePod, StatePolicy } from '@/domain/network/state'
import type { NetworkPolicyPeer, NetworkPolicySpec } from '@/domain/network-policy/spec'
import { addressesOf, type Members } from './members'

/** A security group as hosts carry it out: what its rules name is found out here. */
export function groupObject({ uid, name, spec }: StateGroup, members: Members): NetworkPolicyObject {
  const rules = spec.rules.map((rule, i): NetworkPolicyRule => ({
    id: `rules[${i}]`,
    direction: rule.direction,
    protocol: rule.protocol,
    ports: rule.ports?.map(({ port, endPort }) => ({ first: port, last: endPort ?? port })) ?? null,
    icmpTypes: rule.icmpTypes ?? null,
    peer: { cidrs: rule.cidr === undefined ? null : [{ cidr: rule.cidr, except: [] }], addresses: rule.group === undefined ? null : members.addressesOfGroup(rule.group) },
  }))
  const directions = spec.rules.some(({ direction }) => direction === 'egress') ? (['ingress', 'egress'] as const) : (['ingress'] as const)
  return { kind: 'policy', uid, source: 'SecurityGroup', namespace: null, name, members: members.addressesOfGroup(name), directions: [...directions], rules: members.within(rules) }
}

type Port = NetworkPolicySpec['ingress'][number]['ports'][number]
type Range = { first: number; last: number }
/** Pods of one policy differ in what a port's name means to them in so many ways at most. */
const maxParts = 64
/** Of one rule (contracts/host/v1.ts). */
const maxRanges = 100
const anyPeer = { cidrs: null, addresses: null }

/**
 * A NetworkPolicy as hosts carry it out. A port's name means to each of its pods that pod's own port, so that pods that differ in
 * it become policies of their own; a pod is in one of them.
 */
export function policyObjects(policy: StatePolicy, members: Members): NetworkPolicyObject[] {
  const { uid, namespace, name, spec } = policy
  const names = [...new Set(spec.ingress.flatMap(({ ports }) => ports.flatMap(({ port, protocol }) => (typeof port === 'string' ? `${protocol}/${port}` : []))))].sort()
  const alike = new Map<string, StatePod[]>()
  const nothing = JSON.stringify(names.map(() => []))
  for (const pod of members.inNamespace(namespace, spec.podSelector)) {
    const own = JSON.stringify(names.map((one) => numbersOf(pod, one)))
    // Pods of one more kind than there may be: the names mean nothing to them.
    const isKnown = alike.has(own) || alike.size < maxParts
    const key = isKnown ? own : nothing
    if (!isKnown) members.podsLeftOut += 1
    alike.set(key, [...(alike.get(key) ?? []), pod])
  }
  // Of no pod it is still told: it is what a page shows of it.
  const parts: [string, StatePod[]][] = alike.size > 0 ? [...alike].sort(([a], [b]) => (a < b ? -1 : 1)) : [['', []]]
  const directions = spec.policyTypes.map((type) => (type === 'Ingress' ? ('ingress' as const) : ('egress' as const)))
  const egress = egressRules(policy, members)
  return parts.map(([key, pods], i) => {
    const known = key === nothing ? undefined : pods[0]
    const rules = [...ingressRules(policy, known, members), ...egress]
    return { kind: 'policy', uid: i === 0 ? uid : uidOfPart(uid, key), source: 'NetworkPolicy', namespace, name, members: addressesOf(pods), directions, rules: members.within(rules) }
  })
}

function ingressRules({ namespace, spec }: StatePolicy, member: StatePod | undefined, members: Members): NetworkPolicyRule[] {
  return spec.ingress.flatMap(({ from, ports }, i) => sidesOf(from, `ingress[${i}].from`).flatMap(({ id, peer }) => {
    const side = peer === null ? anyPeer : peer.ipBlock ? { cidrs: [peer.ipBlock], addresses: null } : { cidrs: null, addresses: addressesOf(members.ofPeer(namespace, peer)) }
    return portRules(ports, (named) => (member ? numbersOf(member, named) : [])).map((rule) => ({ id, direction: 'ingress' as const, icmpTypes: null, peer: side, ...rule }))
  }))
}

function egressRules({ namespace, spec }: StatePolicy, members: Members): NetworkPolicyRule[] {
  return spec.egress.flatMap(({ to, ports }, i) => sidesOf(to, `egress[${i}].to`).flatMap(({ id, peer }): NetworkPolicyRule[] => {
    const pods = peer === null ? members.all : peer.ipBlock ? [] : members.ofPeer(namespace, peer)
    const side = peer === null ? anyPeer : peer.ipBlock ? { cidrs: [peer.ipBlock], addresses: null } : { cidrs: null, addresses: addressesOf(pods) }
    const plain = ports.filter(({ port }) => typeof port !== 'string')
    const rules = ports.length > 0 && plain.length === 0 ? [] : portRules(plain, () => []).map((rule) => ({ id, direction: 'egress' as const, icmpTypes: null, peer: side, ...rule }))
    return [...rules, ...ports.flatMap(({ port, protocol }) => (typeof port === 'string' ? namedEgress(id, `${protocol}/${port}`, pods) : []))]
  }))
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

/** Going out, a port's name is the other side's: a rule a number, for the pods that mean it. */
function namedEgress(id: string, named: string, pods: readonly StatePod[]): NetworkPolicyRule[] {
  const numbers = [...new Set(pods.flatMap((pod) => numbersOf(pod, named)))].sort((a, b) => a - b)
  const protocol = named.startsWith('TCP/') ? 'tcp' : 'udp'
  return numbers.map((number) => ({ id, direction: 'egress', protocol, ports: [{ first: number, last: number }], icmpTypes: null, peer: { cidrs: null, addresses: addressesOf(pods.filter((pod) => numbersOf(pod, named).includes(number))) } }))
}

/** The numbers of a pod's port that is called so, `TCP/http`; usually one. */
const numbersOf = (pod: StatePod, named: string): number[] => [...new Set(pod.ports.filter(({ protocol, name }) => `${protocol}/${name}` === named).map(({ port }) => port))].sort((a, b) => a - b)

/** A name for a part of a policy that is the same each time (RFC 9562 section 5.8). */
function uidOfPart(uid: string, key: string): string {
  const bytes = createHash('sha256').update(`${uid} ${key}`).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
