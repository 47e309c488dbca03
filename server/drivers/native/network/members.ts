import type { NetworkPolicyRule } from '@/contracts/host/v1/networks'
import type { NetworkState, StateGroup, StatePod } from '@/domain/network/state'
import type { NetworkPolicyPeer } from '@/domain/network-policy/spec'
import type { Labels } from '@/domain/shared/names'
import { selects, type Selector } from '@/domain/shared/selector'

/** Every namespace has it, as in Kubernetes, whatever its labels say. */
const namespaceNameLabel = 'kubernetes.io/metadata.name'
const emptyLabels: Labels = {}

/**
 * What the rules of one network's policies may name together, in addresses: some 10 MB of a message. A rule itself counts as ten of them, and
 * looking through pods for one as a part of them.
 */
const maxRuleAddresses = 500_000
const ruleWeight = 10
const lookWeight = 1 / 50
/** A member is written once a policy and never left out, for then everything would pass for it: what members take is taken from the rules. */
const memberWeight = 1 / 10
/** What the rules of one policy may name together: some 12 MB, so that it fits into a message as one object. */
const maxAddressesOfPolicy = 250_000
/** Of one policy, and of one rule (contracts/host/v1/networks.ts). */
const maxRulesOfPolicy = 4_000
const maxAddressesOfRule = 100_000
const maxRanges = 100

/** Finds a network's pods by what groups and policies say of them, and holds what the rules take within bounds. */
export class Members {
  private readonly namespaces: ReadonlyMap<string, Labels>
  private readonly groups: ReadonlyMap<string, StatePod[]>
  private readonly peers = new Map<string, StatePod[]>()
  private readonly byNamespace = new Map<string, StatePod[]>()
  private readonly byGroup = new Map<string, StatePod[]>()
  private readonly selected = new Map<string, StatePod[]>()
  private readonly addresses = new WeakMap<readonly StatePod[], string[]>()
  private readonly named = new WeakMap<readonly StatePod[], Map<string, NamedPort[]>>()
  private room = maxRuleAddresses
  /** Rules that had no room; where there are very many, at least so many. */
  rulesLeftOut = 0
  /** The groups and policies that they are of. */
  readonly cut = new Set<string>()
  /** Pods to which a port's name means nothing because the policy's others mean too many ports by it. */
  podsLeftOut = 0

  constructor(private readonly state: NetworkState) {
    for (const pod of state.pods) {
      const own = this.byNamespace.get(pod.namespace)
      if (own) own.push(pod)
      else this.byNamespace.set(pod.namespace, [pod])
      for (const group of new Set(pod.securityGroups)) {
        const others = this.byGroup.get(group)
        if (others) others.push(pod)
        else this.byGroup.set(group, [pod])
      }
    }
    this.namespaces = new Map(state.namespaces.map(({ name, labels }) => [name, { ...labels, [namespaceNameLabel]: name }]))
    this.groups = new Map(state.groups.map((group) => [group.name, this.findGroup(group)]))
  }

  /** A group's pods: those that name it and those that it selects. A group that is not there has none. */
  ofGroup(name: string): StatePod[] {
    return this.groups.get(name) ?? []
  }

  addressesOfGroup(name: string): string[] {
    return this.addressesOf(this.ofGroup(name))
  }

  /** Of the same list of pods the same list each time, however many rules name it. */
  addressesOf(pods: readonly StatePod[]): string[] {
    const addresses = this.addresses.get(pods) ?? pods.flatMap((pod) => pod.addresses)
    this.addresses.set(pods, addresses)
    return addresses
  }

  /** Counts the members of a policy. They are told whatever they take. */
  countMembers(addresses: readonly string[]): void {
    this.room -= addresses.length * memberWeight
  }

  /**
   * The first of a policy's rules that there is room for, in it and in the network; those that come after it are not even made. Rules allow and
   * nothing else, so that what is left out lets nothing through.
   */
  within(rules: Iterable<NetworkPolicyRule>, policy: string): NetworkPolicyRule[] {
    const kept: NetworkPolicyRule[] = []
    let room = maxAddressesOfPolicy
    for (const rule of rules) {
      const takes = weightOf(rule)
      if (kept.length < maxRulesOfPolicy && takes <= room && takes <= this.room && (rule.peer.addresses?.length ?? 0) <= maxAddressesOfRule) {
        kept.push(rule)
        room -= takes
        this.room -= takes
        continue
      }
      this.rulesLeftOut += 1
      this.cut.add(policy)
      if (kept.length >= maxRulesOfPolicy || Math.min(room, this.room) < ruleWeight) break
    }
    return kept
  }

  /** Whether so many looks at pods' ports still have room. */
  mayLook(times: number): boolean {
    if (this.room < ruleWeight) return false
    this.room -= times * lookWeight
    return true
  }

  inNamespace(namespace: string, selector: Selector): StatePod[] {
    const key = JSON.stringify([namespace, selector])
    const found = this.selected.get(key) ?? (this.byNamespace.get(namespace) ?? []).filter((pod) => selects(selector, pod.labels))
    this.selected.set(key, found)
    return found
  }

  /** What these pods mean by a port's name, `TCP/http`: the numbers that the same pods mean together, of which each pod may have several. */
  portsNamed(pods: readonly StatePod[], name: string): NamedPort[] {
    const known = this.named.get(pods) ?? new Map<string, NamedPort[]>()
    this.named.set(pods, known)
    const found = known.get(name) ?? (this.mayLook(pods.length) ? findNamed(pods, name) : [])
    known.set(name, found)
    return found
  }

  /** The pods that a NetworkPolicy's peer means, of the policy's namespace where it selects no other; none where there is no room for its rule anyway. */
  ofPeer(policyNamespace: string, { podSelector, namespaceSelector }: NetworkPolicyPeer): StatePod[] {
    const key = JSON.stringify([namespaceSelector ? null : policyNamespace, podSelector, namespaceSelector])
    const known = this.peers.get(key)
    if (known || this.room < ruleWeight) return known ?? []
    this.room -= this.state.pods.length * lookWeight
    const found = this.state.pods.filter((pod) => (namespaceSelector ? this.namespaceFits(namespaceSelector, pod) : pod.namespace === policyNamespace) && (!podSelector || selects(podSelector, pod.labels)))
    this.peers.set(key, found)
    return found
  }

  get all(): StatePod[] {
    return this.state.pods
  }

  private findGroup({ name, spec: { podSelector, namespaceSelector } }: StateGroup): StatePod[] {
    const selected = podSelector !== undefined || namespaceSelector !== undefined ? this.selectedBy(podSelector, namespaceSelector) : []
    const naming = this.byGroup.get(name)
    if (!naming) return selected
    const all = new Set([...selected, ...naming])
    return this.state.pods.filter((pod) => all.has(pod))
  }

  private selectedBy(podSelector: Selector | undefined, namespaceSelector: Selector | undefined): StatePod[] {
    const key = JSON.stringify([null, podSelector ?? null, namespaceSelector ?? null])
    const found = this.selected.get(key) ?? this.state.pods.filter((pod) => (!podSelector || selects(podSelector, pod.labels)) && (!namespaceSelector || this.namespaceFits(namespaceSelector, pod)))
    this.selected.set(key, found)
    return found
  }

  private namespaceFits(selector: Selector, pod: StatePod): boolean {
    return selects(selector, this.namespaces.get(pod.namespace) ?? { ...emptyLabels, [namespaceNameLabel]: pod.namespace })
  }
}

export type NamedPort = { ports: { first: number; last: number }[]; addresses: string[] }

function findNamed(pods: readonly StatePod[], name: string): NamedPort[] {
  const byNumber = new Map<number, number[]>()
  pods.forEach((pod, i) => numbersOf(pod, name).forEach((number) => {
    const meaning = byNumber.get(number)
    if (meaning) meaning.push(i)
    else byNumber.set(number, [i])
  }))
  const alike = new Map<string, { numbers: number[]; meaning: number[] }>()
  for (const [number, meaning] of [...byNumber].sort(([a], [b]) => a - b)) {
    const key = meaning.join()
    const known = alike.get(key)
    if (known && known.numbers.length < maxRanges) known.numbers.push(number)
    else alike.set(known ? `${key} ${number}` : key, { numbers: [number], meaning })
  }
  return [...alike.values()].map(({ numbers, meaning }) => ({ ports: numbers.map((number) => ({ first: number, last: number })), addresses: meaning.flatMap((i) => pods[i]?.addresses ?? []) }))
}

const numbers = new WeakMap<StatePod, Map<string, number[]>>()
/** The numbers of a pod's port that is called so, `TCP/http`; usually one. */
export function numbersOf(pod: StatePod, name: string): number[] {
  const known = numbers.get(pod)
  if (known) return known.get(name) ?? []
  const all = new Map<string, Set<number>>()
  for (const one of pod.ports) all.set(`${one.protocol}/${one.name}`, (all.get(`${one.protocol}/${one.name}`) ?? new Set()).add(one.port))
  numbers.set(pod, new Map([...all].map(([own, set]) => [own, [...set].sort((a, b) => a - b)])))
  return numbersOf(pod, name)
}

const weightOf = ({ peer, ports }: NetworkPolicyRule): number => ruleWeight + (peer.addresses?.length ?? 0) + (ports?.length ?? 0) / 2 + (peer.cidrs ?? []).reduce((sum, { except }) => sum + except.length, 0)
