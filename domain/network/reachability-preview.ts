import { formatIp, hostRange, isIp, parseSubnet } from '../shared/ip'
import { icmpTypeName } from '../security-group/icmp-types'
import type { RuleChange, RulePreview } from './rule-preview'
import type { World } from './reachability-world'
import { decide, isOwn, type Policy, type PolicyRule, type Traffic } from './rules'

/** More pairs of ends and traffic than so many are not looked at. */
const maxLooks = 12_000
const maxChanges = 50
const maxNames = 5

type End = { name: string; address: string }
/** Documentation's own address (RFC 5737) stands for what no rule and no subnet names. */
const anywhere: End = { name: 'outside', address: '203.0.113.77' }
type Sample = { label: string; traffic: Traffic; other: boolean }

/**
 * What a change of one group does between the network's pods, and between them and what its rules name outside: who reaches whom that did
 * not before, and the other way. `before` and `after` differ by that group alone. It looks until `isOver`: with thousands of rules one look
 * takes milliseconds, and others wait meanwhile.
 */
export function previewChange(before: World, after: World, isChanged: (policy: Policy) => boolean, isOver: () => boolean = () => false): RulePreview {
  const changed = [...before.rules.policies, ...after.rules.policies].filter(isChanged)
  const members = new Set(changed.flatMap((policy) => policy.members))
  const now = new Set(after.rules.policies.filter(isChanged).flatMap((policy) => policy.members))
  const rules = changed.flatMap((policy) => policy.rules)
  const pods = after.pods.flatMap((pod): End[] => pod.addresses.map((address) => ({ name: pod.name, address })))
  const ends = [...pods, ...outsideEnds(after, rules)]
  const samples = samplesOf(rules)
  const found: { allowed: boolean; sample: Sample; from: string; to: string }[] = []
  const [was, is] = [judgeOf(before), judgeOf(after)]
  let looks = 0
  let isCut = false
  for (const from of ends) for (const to of ends) {
    if (from.address === to.address || from.address.includes(':') !== to.address.includes(':') || (!members.has(from.address) && !members.has(to.address))) continue
    // Where the network has no way out, nothing leaves it whatever the rules say.
    if (to === anywhere && after.network.outbound === 'none') continue
    for (const sample of samples) {
      isCut ||= looks >= maxLooks || isOver()
      if (isCut) break
      looks += 1
      const allowed = is(sample.traffic, from, to)
      if (was(sample.traffic, from, to) !== allowed) found.push({ allowed, sample, from: from.name, to: to.name })
    }
  }
  const changes = grouped(found, samples)
  return { changes: changes.slice(0, maxChanges), total: changes.length, members: after.pods.filter((pod) => pod.addresses.some((address) => now.has(address))).length, truncated: isCut }
}

/** Says whether something passes, by the policies of its two ends alone: a pod's are found once. */
function judgeOf({ rules }: World): (traffic: Traffic, from: End, to: End) => boolean {
  const byMember = new Map<string, Policy[]>()
  for (const policy of rules.policies) for (const member of policy.members) byMember.set(member, [...(byMember.get(member) ?? []), policy])
  const of = ({ address }: End) => ({ ...rules, policies: byMember.get(address) ?? [] })
  return (traffic, from, to) => decide(of(from), 'egress', traffic, from.address, to.address).allowed && decide(of(to), 'ingress', traffic, to.address, from.address).allowed
}

/** An address of each subnet that rules name and that is not the network's own, and one of everywhere else. */
function outsideEnds({ rules }: World, changed: readonly PolicyRule[]): End[] {
  const named = new Set(changed.flatMap(({ peer }) => (peer.cidrs ?? []).map(({ cidr }) => cidr)))
  const ends = [...named].slice(0, 20).map((cidr): End => ({ name: cidr, address: formatIp({ family: parseSubnet(cidr).family, value: hostRange(parseSubnet(cidr)).first }) }))
  return [...ends, anywhere].filter(({ address }) => isIp(address) && !isOwn(rules, address))
}

/** A port in each range that rules name, one that none names, and each type of ICMP. */
function samplesOf(rules: readonly PolicyRule[]): Sample[] {
  const samples = new Map<string, Sample>()
  for (const protocol of ['tcp', 'udp'] as const) {
    const ranges = rules.filter((rule) => rule.protocol === protocol).flatMap(({ ports }) => ports ?? [])
    for (const { first, last } of ranges) {
      const label = `${protocol.toUpperCase()} ${first === last ? first : `${first}–${last}`}`
      if (samples.size < 24) samples.set(label, { label, traffic: { protocol, port: first }, other: false })
    }
    const unnamed = [9, 40_001, 50_003, 60_007].find((port) => !ranges.some(({ first, last }) => port >= first && port <= last))
    if (unnamed !== undefined) samples.set(`other ${protocol}`, { label: ranges.length > 0 ? `every other ${protocol.toUpperCase()}` : protocol.toUpperCase(), traffic: { protocol, port: unnamed }, other: true })
  }
  const types = new Set([8, ...rules.filter(({ protocol }) => protocol === 'icmp').flatMap(({ icmpTypes }) => icmpTypes ?? [])])
  for (const type of [...types].slice(0, 5)) samples.set(`icmp ${type}`, { label: type === 8 ? 'ping' : `ICMP ${icmpTypeName('icmp', type)}`, traffic: { protocol: 'icmp', port: null, icmpType: type }, other: true })
  return [...samples.values()]
}

type Found = { allowed: boolean; sample: Sample; from: string; to: string }

/** Lines that people can read: what differs by its traffic alone is one line, then by its source, then by its target. */
function grouped(found: readonly Found[], samples: readonly Sample[]): RuleChange[] {
  const byPair = collect(found, (one) => `${one.allowed} ${one.from}\n${one.to}`, (one) => one.sample.label)
  const pairs = [...byPair.values()].map(({ first, values }) => ({ allowed: first.allowed, from: first.from, to: first.to, traffic: trafficWords(values, samples) }))
  const byTarget = [...collect(pairs, (one) => `${one.allowed} ${one.traffic}\n${one.to}`, (one) => one.from).values()].map(({ first, values }) => ({ ...first, froms: values }))
  return [...collect(byTarget, (one) => `${one.allowed} ${one.traffic}\n${one.froms.join()}`, (one) => one.to).values()].map(({ first, values }) => ({
    allowed: first.allowed, traffic: first.traffic, from: first.froms.slice(0, maxNames), fromCount: first.froms.length, to: values.slice(0, maxNames), toCount: values.length,
  })).sort((a, b) => Number(a.allowed) - Number(b.allowed))
}

/** Traffic by its labels; where most of a protocol is meant, what is not: "all TCP but 443". */
export function trafficWords(labels: readonly string[], samples: readonly Pick<Sample, 'label' | 'traffic' | 'other'>[]): string {
  if (labels.length === samples.length) return 'everything'
  return (['tcp', 'udp', 'icmp'] as const).flatMap((protocol) => {
    const all = samples.filter(({ traffic }) => traffic.protocol === protocol)
    const meant = all.filter(({ label }) => labels.includes(label))
    const names = meant.map(({ label }) => label)
    if (protocol === 'icmp' || !meant.some(({ other }) => other)) return names
    const word = protocol.toUpperCase()
    const left = all.filter(({ label }) => !labels.includes(label)).map(({ label }) => label.slice(word.length + 1))
    const whole = `all ${word}${left.length > 0 ? ` but ${left.join(' and ')}` : ''}`
    return whole.length < names.join(', ').length ? [whole] : names
  }).join(', ')
}

function collect<T>(all: readonly T[], key: (one: T) => string, value: (one: T) => string): Map<string, { first: T; values: string[] }> {
  const groups = new Map<string, { first: T; values: string[] }>()
  for (const one of all) {
    const group = groups.get(key(one)) ?? { first: one, values: [] }
    if (!group.values.includes(value(one))) group.values.push(value(one))
    groups.set(key(one), group)
  }
  return groups
}
