import type { NetworkPolicyObject } from '@/contracts/host/v1/networks'
import { routedOf, type FloatingBinding } from '../network-state'

/** The policies with each pod's routed addresses of the outside beside its own, as a member and as who is let through: what is said of a pod is said of all its addresses. The same list where there are none. */
export function withRouted(policies: readonly NetworkPolicyObject[], floating: readonly FloatingBinding[]): readonly NetworkPolicyObject[] {
  const routed = routedOf(floating)
  if (routed.length === 0) return policies
  const beside = (addresses: readonly string[]): string[] => {
    const own = new Set(addresses)
    return [...addresses, ...routed.filter(({ target, address }) => own.has(target) && !own.has(address)).map(({ address }) => address)]
  }
  return policies.map((policy) => ({
    ...policy,
    members: beside(policy.members),
    rules: policy.rules.map((rule) => (rule.peer.addresses === null ? rule : { ...rule, peer: { ...rule.peer, addresses: beside(rule.peer.addresses) } })),
  }))
}
