import { check, type Collect, type Path } from '../manifest/check'
import { each, prune, within } from '../pod/kubernetes-fields'
import { networkPolicySpec, type NetworkPolicySpec } from './spec'

/** Takes out what is null, as Kubernetes' decoder does: of `from` and `to` it is everybody, of the policy's own podSelector every pod. */
export function readPolicySpec(value: unknown, path: Path, collect: Collect): NetworkPolicySpec | null {
  const plain = (visited: unknown, at: Path) => prune(visited, {}, at, collect)
  const list = (visit: (item: unknown, at: Path) => unknown) => (items: unknown, at: Path) => each(items, at, visit)
  // Labels are left as they are: a label that is null would select more without.
  const selector = (item: unknown, at: Path) => within(plain(item, at), { matchExpressions: list(plain) }, at)
  const peer = (item: unknown, at: Path) => within(plain(item, at), { podSelector: selector, namespaceSelector: selector, ipBlock: plain }, at)
  const rule = (item: unknown, at: Path) => within(plain(item, at), { from: list(peer), to: list(peer), ports: list(plain) }, at)
  const pruned = within(plain(withSelector(value), path), { podSelector: selector, ingress: list(rule), egress: list(rule) }, path)
  return check(networkPolicySpec, pruned, path, collect)
}

const withSelector = (spec: unknown): unknown => (typeof spec === 'object' && spec !== null && 'podSelector' in spec && spec.podSelector === null ? { ...spec, podSelector: {} } : spec)
