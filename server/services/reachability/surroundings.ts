import type { NetworkState } from '@/domain/network/state'
import { familyOf, inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import { subnetsOf } from '@/domain/network/spec'
import { worldOf, type World, type WorldPod } from '@/domain/network/reachability-world'
import type { Surroundings } from '@/domain/network/reachability-way'
import type { Scope } from '@/server/auth/scope'
import { toNetworkObjects } from '@/server/drivers/native/network/objects'
import { inSnapshot, type DatabaseClient, type Transaction } from '@/server/store/database'
import { readNetworkState } from '@/server/store/network-state'
import { networkOfService, ownNetworks, placedPod, type PlacedPod } from '@/server/store/reachability'
import type { Question } from './ask'

export const worldOfState = (state: NetworkState): World => worldOf(toNetworkObjects(state))

/**
 * The network of the pod that asks, and those of the tenant's other networks that the question meets, all of one time. Null where the pod
 * is not there. A peered network of another tenant is never read: what it lets in stays its own.
 */
export const loadSurroundings = (db: DatabaseClient, scope: Scope, question: Question): Promise<Surroundings | null> =>
  inSnapshot(db, async (tx) => {
    const { from, to } = question
    const asking = await placedPod(tx, scope, from.namespace, from.name)
    const state = asking && (await readNetworkState(tx, asking.networkId))
    if (!asking || !state) return null
    const asked = to.kind === 'pod' ? await placedPod(tx, scope, to.namespace, to.name) : null
    const elsewhere = new Set([...peersWith(state, to.kind === 'address' ? to.address : null)])
    if (asked) elsewhere.add(asked.networkId)
    const serving = to.kind === 'service' ? await networkOfService(tx, scope, to.namespace, to.name) : null
    if (serving !== null) elsewhere.add(serving)
    elsewhere.delete(asking.networkId)
    const visible = new Map<number, World>()
    for (const uid of await ownNetworks(tx, scope, [...elsewhere])) {
      const world = await readWorld(tx, uid, asked)
      if (world) visible.set(world.network.number, world)
    }
    return { world: withPods(worldOfState(state), [asking, ...(asked?.networkId === asking.networkId ? [asked] : [])]), visible }
  })

async function readWorld(tx: Transaction, uid: string, asked: PlacedPod | null): Promise<World | null> {
  const state = await readNetworkState(tx, uid)
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
