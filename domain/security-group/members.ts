import type { Labels } from '../shared/names'
import { selects } from '../shared/selector'
import type { SecurityGroupSpec } from './spec'

/** What decides whose member a pod is; it is a pod of the network that the group or the policy is of. */
export type SelectablePod = { namespace: string; labels: Labels; namespaceLabels: Labels; /** `spec.network.securityGroups` */ securityGroups: readonly string[] }

/** Whether a pod of its network is one of the group's: it names the group, or the group's selectors fit. A group without a selector selects nobody. */
export function isGroupMember(group: { name: string; spec: SecurityGroupSpec }, pod: SelectablePod): boolean {
  if (pod.securityGroups.includes(group.name)) return true
  const { podSelector, namespaceSelector } = group.spec
  if (!podSelector && !namespaceSelector) return false
  return (!podSelector || selects(podSelector, pod.labels)) && (!namespaceSelector || selects(namespaceSelector, pod.namespaceLabels))
}
