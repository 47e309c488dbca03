import type { Policy } from './rules'

/** An address of the outside that is routed to a pod as it is (docs/adr/0038), and an address that the pod has in its network. */
export type RoutedAddress = { readonly address: string; readonly target: string }

/** The policies with each pod's routed addresses beside its own, as a member and as who is let through: what is said of a pod is said of all its addresses. The same list where there are none. */
export function withRoutedAddresses<P extends Pick<Policy, 'members' | 'rules'>>(policies: readonly P[], routed: readonly RoutedAddress[]): readonly P[] {
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
