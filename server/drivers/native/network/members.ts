import type { NetworkPolicyRule } from '@/contracts/host/v1'
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

/** Finds a network's pods by what groups and policies say of them, and holds what the rules take within bounds. */
export class Members {
  private readonly namespaces: ReadonlyMap<string, Labels>
  private readonly groups: ReadonlyMap<string, StatePod[]>
  private readonly groupAddresses = new Map<string, string[]>()
  private readonly peers = new Map<string, StatePod[]>()
  private room = maxRuleAddresses
  /** Rules that had no room. */
  rulesLeftOut = 0
  /** Pods to which a port's name means nothing because the policy's others mean too many ports by it. */
  podsLeftOut = 0

  constructor(private readonly state: NetworkState) {
    this.namespaces = new Map(state.namespaces.map(({ name, labels }) => [name, { ...labels, [namespaceNameLabel]: name }]))
    this.groups = new Map(state.groups.map((group) => [group.name, this.findGroup(group)]))
  }

  /** A group's pods: those that name it and those that it selects. A group that is not there has none. */
  ofGroup(name: string): StatePod[] {
    return this.groups.get(name) ?? []
  }

  /** The same list each time, however many rules name it. */
  addressesOfGroup(name: string): string[] {
    const addresses = this.groupAddresses.get(name) ?? addressesOf(this.ofGroup(name))
    this.groupAddresses.set(name, addresses)
    return addresses
  }

  /** The first of these rules that the network has room for. Rules allow and nothing else, so that what is left out lets nothing through. */
  within(rules: readonly NetworkPolicyRule[]): NetworkPolicyRule[] {
    return rules.filter(({ peer }) => {
      const takes = ruleWeight + (peer.addresses?.length ?? 0)
      const fits = takes <= this.room
      if (fits) this.room -= takes
      else this.rulesLeftOut += 1
      return fits
    })
  }

  inNamespace(namespace: string, selector: Selector): StatePod[] {
    return this.state.pods.filter((pod) => pod.namespace === namespace && selects(selector, pod.labels))
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
    const isSelecting = podSelector !== undefined || namespaceSelector !== undefined
    const isSelected = (pod: StatePod) => isSelecting && (!podSelector || selects(podSelector, pod.labels)) && (!namespaceSelector || this.namespaceFits(namespaceSelector, pod))
    return this.state.pods.filter((pod) => pod.securityGroups.includes(name) || isSelected(pod))
  }

  private namespaceFits(selector: Selector, pod: StatePod): boolean {
    return selects(selector, this.namespaces.get(pod.namespace) ?? { ...emptyLabels, [namespaceNameLabel]: pod.namespace })
  }
}

export const addressesOf = (pods: readonly StatePod[]): string[] => pods.flatMap(({ addresses }) => addresses)
