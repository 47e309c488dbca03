import type { NetworkState, StateGroup, StatePod } from '@/domain/network/state'
import type { NetworkPolicyPeer } from '@/domain/network-policy/spec'
import type { Labels } from '@/domain/shared/names'
import { selects, type Selector } from '@/domain/shared/selector'

/** Every namespace has it, as in Kubernetes, whatever its labels say. */
const namespaceNameLabel = 'kubernetes.io/metadata.name'
const emptyLabels: Labels = {}

/** Finds a network's pods by what groups and policies say of them. */
export class Members {
  private readonly namespaces: ReadonlyMap<string, Labels>
  private readonly groups: ReadonlyMap<string, StatePod[]>

  constructor(private readonly state: NetworkState) {
    this.namespaces = new Map(state.namespaces.map(({ name, labels }) => [name, { ...labels, [namespaceNameLabel]: name }]))
    this.groups = new Map(state.groups.map((group) => [group.name, this.findGroup(group)]))
  }

  /** A group's pods: those that name it and those that it selects. A group that is not there has none. */
  ofGroup(name: string): StatePod[] {
    return this.groups.get(name) ?? []
  }

  inNamespace(namespace: string, selector: Selector): StatePod[] {
    return this.state.pods.filter((pod) => pod.namespace === namespace && selects(selector, pod.labels))
  }

  /** The pods that a NetworkPolicy's peer means, of the policy's namespace where it selects no other. */
  ofPeer(policyNamespace: string, { podSelector, namespaceSelector }: NetworkPolicyPeer): StatePod[] {
    return this.state.pods.filter((pod) => (namespaceSelector ? this.namespaceFits(namespaceSelector, pod) : pod.namespace === policyNamespace) && (!podSelector || selects(podSelector, pod.labels)))
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
