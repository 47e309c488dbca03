import { isDeepStrictEqual } from 'node:util'
import { networkObjectKey, type NetworkBase, type NetworkMessage, type NetworkObject, type NetworkPeer, type NetworkPod, type NetworkPolicyObject, type NetworkService } from '@/contracts/host/v1/networks'

/** More of one network than any quota allows; beyond it a message is refused, here and nowhere else. */
const MAX_OBJECTS = 50_000

/** What the server said of one network. Never changed, but replaced: a list of a kind of which nothing changed is the same object. */
export type NetworkObjects = {
  readonly network: NetworkBase | null
  readonly pods: readonly NetworkPod[]
  readonly services: readonly NetworkService[]
  readonly policies: readonly NetworkPolicyObject[]
  readonly peers: readonly NetworkPeer[]
}

export const NO_OBJECTS: NetworkObjects = { network: null, pods: [], services: [], policies: [], peers: [] }

/**
 * A network's objects after a message. Throws an Error for changes of a network of which nothing is known, and for one that grows too
 * large: then the server has to say all of it again.
 */
export function withMessage(known: NetworkObjects | undefined, { networkId, complete, set, remove }: NetworkMessage): NetworkObjects {
  if (!known && !complete) throw new Error(`changes of network ${networkId} came before all of it`)
  const before = complete || !known ? NO_OBJECTS : known
  const gone = new Set(remove)
  const network = set.find((one) => one.kind === 'network') ?? (gone.has('network') ? null : before.network)
  const list = <K extends Exclude<NetworkObject['kind'], 'network'>>(kind: K, has: readonly Extract<NetworkObject, { kind: K }>[]): readonly Extract<NetworkObject, { kind: K }>[] => {
    const come = set.filter((one): one is Extract<NetworkObject, { kind: K }> => one.kind === kind)
    const replaced = new Set([...remove, ...come.map(networkObjectKey)])
    if (come.length === 0 && !has.some((one) => replaced.has(networkObjectKey(one)))) return has
    // In their old place: what lists are made into stays in its order.
    const byKey = new Map([...has.filter((one) => !gone.has(networkObjectKey(one))), ...come].map((one) => [networkObjectKey(one), one]))
    return [...byKey.values()]
  }
  const after: NetworkObjects = { network, pods: list('pod', before.pods), services: list('service', before.services), policies: list('policy', before.policies), peers: list('peer', before.peers) }
  const count = after.pods.length + after.services.length + after.policies.length + after.peers.length
  if (count > MAX_OBJECTS) throw new Error(`network ${networkId} has ${count} objects; at most ${MAX_OBJECTS} are kept`)
  return after
}

/** All of them, as a message that says all of a network has them. */
export const listed = ({ network, pods, services, policies, peers }: NetworkObjects): NetworkObject[] => [...(network ? [network] : []), ...pods, ...services, ...policies, ...peers]

/** Whether something may be let through by `before` that `after` forbids: then nobody may take the one for the other. */
export function mayRestrict(before: NetworkObjects | undefined, after: NetworkObjects): boolean {
  if (!before) return after.policies.length > 0
  const parts = ['policies', 'peers', 'network'] as const
  return parts.some((part) => before[part] !== after[part] && !isDeepStrictEqual(before[part], after[part]))
}

const NOBODY = '00000000-0000-0000-0000-000000000000'

/** What is in force where nobody knows what restricts a network: what is known of it but its policies and peers, and nothing gets from or to these addresses. */
export function closedTo(addresses: readonly string[], known: NetworkObjects = NO_OBJECTS): NetworkObjects {
  return { ...known, peers: [], policies: [{ kind: 'policy', uid: NOBODY, source: 'NetworkPolicy', namespace: null, name: 'not known', members: [...addresses], directions: ['ingress', 'egress'], rules: [] }] }
}
