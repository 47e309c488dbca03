import type { SelectablePod } from '../security-group/members'
import { selects } from '../shared/selector'
import type { NetworkPolicySpec } from './spec'

/** Whether the policy is about a pod: of its namespace, with labels that its podSelector selects. */
export const isPolicyMember = (policy: { namespace: string; spec: NetworkPolicySpec }, pod: Pick<SelectablePod, 'namespace' | 'labels'>): boolean => pod.namespace === policy.namespace && selects(policy.spec.podSelector, pod.labels)
