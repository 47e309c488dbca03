import type { NetworkState } from '@/domain/network/state'
import { familyOf, formatIp, inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import { subnetsOf } from '@/domain/network/spec'
import { withRoutedPods, worldOf, type World, type WorldPod } from '@/domain/network/reachability-world'
import type { Surroundings } from '@/domain/network/reachability-way'
import { DomainError } from '@/domain/shared/errors'
import type { Scope } from '@/server/auth/scope'
import { toNetworkObjects } from '@/server/drivers/native/network/objects'
import { inSnapshot, type DatabaseClient, type Transaction } from '@/server/store/database'
import { NetworkStateCache, readNetworkState } from '@/server/store/network-state'
import { networkOfService, ownNetworks, placedPod, routedAddresses, type PlacedPod } from '@/server/store/reachability'
import type { Question } from './ask'

/** More looks of groups and policies at pods than so many (some 0.3 s) are not taken here: others wait meanwhile. */
const maxLooks = 2_000_000

const worlds = new WeakMap<NetworkState, World>()
/** Of the same state the same world. Throws where the network is too large to be answered of. */
export function worldOfState(state: NetworkState): World {
  const { pods, groups, policies, network } = state
  if (pods.length * (groups.length + policies.length) > maxLooks) throw new DomainError('failed_precondition', `Network "${network.name}" has ${pods.length} pods, ${groups.length} groups and ${policies.length} policies: too many together for an answer from what is stored. Try the connection from the pod itself.`)
  const world = worlds.get(state) ?? worldOf(toNetworkObjects(state))
  worlds.set(state, world)
  return world
}

/** What questions read of networks: a network that has not changed is not read again for the next. */
export const askedNetworks = new NetworkStateCache()

/**
 * The network of the pod that asks, and those of the tenant's other networks that the question meets, all of one time. Null where the pod
 * is not there. A peered network of another tenant is never read: what it lets in stays its own.
 */
export const loadSurroundings = (db: DatabaseClient, scope: Scope, question: Question): Promise<Surroundings | null> =>
  inSnapshot(db, async (tx) => {
    const { from, to } = question
    const asking = await placedPod(tx, scope, from.namespace, from.name)
    const state = asking && (await readNetworkState(tx, asking.networkId, askedNetworks))
    if (!asking || !state) return null
    const asked = to.kind === 'pod' ? await placedPod(tx, scope, to.namespace, to.name) : null
    const elsewhere = new Set([...peersWith(state, to.kind === 'address' ? to.address : null)])
    if (asked) elsewhere.add(asked.networkId)
    const serving = to.kind === 'service' ? await networkOfService(tx, scope, to.namespace, to.name) : null
    if (serving !== null) elsewhere.add(serving)
    const routed = await routedAddresses(tx, scope)
    if (to.kind === 'address') for (const one of routed) if (one.address === formatIp(parseIp(to.address))) elsewhere.add(one.networkId)
    elsewhere.delete(asking.networkId)
    const routedPods = new Map<string, string[]>()
    for (const { podUid, address } of routed) routedPods.set(podUid, [...routedPods.get(podUid) ?? [], address])
    const visible = new Map<number, World>()
    for (const uid of await ownNetworks(tx, scope, [...elsewhere])) {
      const world = await readWorld(tx, uid, asked)
      if (world) visible.set(world.network.number, withRoutedPods(world, routedPods))
    }
    return { world: withRoutedPods(withPods(worldOfState(state), [asking, ...(asked?.networkId === asking.networkId ? [asked] : [])]), routedPods), visible }
  })

async function readWorld(tx: Transaction, uid: string, asked: PlacedPod | null): Promise<World | null> {
  const state = await readNetworkState(tx, uid, askedNetworks)
  return state && withPods(worldOfState(state), asked?.networkId === uid ? [asked] : [])
}

/** A pod that has no address yet is no part of what hosts are told: it is added, so that it can be told of it. */
function withPods(world: World, pods: readonly PlacedPod[]): World {
  const missing = pods.filter(({ uid }) => !world.pods.some((pod) => pod.uid === uid))
  return { ...world, pods: [...world.pods, ...missing.map(({ uid, namespace, name, hostId }): WorldPod => ({ kind: 'pod', uid, namespace, name, hostId, addresses: [] }))] }
}

/** The peered networks in which an address lies, by uid. */
const peersWith = ({ peers }: NetworkState, address: string | null): string[] =>
  address === null ? [] : peers.filter(({ spec }) => subnetsOf(spec, familyOf(address)).some(({ cidr }) => inSubnet(parseSubnet(cidr), parseIp(address)))).map(({ uid }) => uid)
