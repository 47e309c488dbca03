import { createHash } from 'node:crypto'
import { networkObjectKey, type Assignment, type NetworkMessage, type NetworkObject } from '@/contracts/host/v1'
import type { NetworkState } from '@/domain/network/state'
import { makeNetworkObjects, type LeftOut } from '@/server/drivers/native/network/objects'

/** A message of a host's stream is far below the 16 MiB that a host takes. In characters of JSON. */
const maxCharacters = 4 << 20
const maxObjects = 5_000

type Digest = { text: string; length: number }
type Written = { object: NetworkObject; length: number }

const made = new WeakMap<NetworkState, ReturnType<typeof makeNetworkObjects>>()
/** Once a state, for all hosts with pods of the network. */
function madeOf(state: NetworkState): ReturnType<typeof makeNetworkObjects> {
  const objects = made.get(state) ?? makeNetworkObjects(state)
  made.set(state, objects)
  return objects
}

const digests = new WeakMap<NetworkObject, Digest>()
function digestOf(object: NetworkObject): Digest {
  const known = digests.get(object)
  if (known) return known
  const written = JSON.stringify(object)
  const digest = { text: createHash('sha256').update(written).digest('base64'), length: written.length }
  digests.set(object, digest)
  return digest
}

/** What one connection of a host has been told of its networks: of each object a digest of what was said last. */
export class ToldNetworks {
  private readonly networks = new Map<string, Map<string, string>>()
  private pods: ReadonlySet<string> = new Set()
  /** What was said last of what had no room, by network. */
  readonly leftOut = new Map<string, string | null>()

  has(networkId: string): boolean {
    return this.networks.has(networkId)
  }

  get ids(): ReadonlySet<string> {
    return new Set(this.networks.keys())
  }

  /** The networks that pods have come to since the last call: they must not run before what is said of them is known. */
  newcomers(assignments: readonly Pick<Assignment, 'uid' | 'network'>[]): ReadonlySet<string> {
    const before = this.pods
    this.pods = new Set(assignments.map(({ uid }) => uid))
    return new Set(assignments.flatMap(({ uid, network }) => (before.has(uid) ? [] : network.id)))
  }

  /** Forgets the networks of which the host has no pod any more, as the host does. */
  keep(networkIds: ReadonlySet<string>): void {
    for (const known of [this.networks, this.leftOut]) for (const id of known.keys()) if (!networkIds.has(id)) known.delete(id)
  }

  /**
   * The messages that make the host know a network as it is; none where it does. The first of a network has everything. They count as told. And what
   * had no room in them.
   */
  messages(state: NetworkState): { messages: NetworkMessage[]; leftOut: LeftOut } {
    const { objects, leftOut } = madeOf(state)
    return { messages: this.differences(state.network.uid, objects), leftOut }
  }

  private differences(networkId: string, objects: readonly NetworkObject[]): NetworkMessage[] {
    const before = this.networks.get(networkId)
    const now = new Map<string, string>()
    const set: Written[] = []
    for (const object of objects) {
      const key = networkObjectKey(object)
      const { text, length } = digestOf(object)
      now.set(key, text)
      if (before?.get(key) !== text) set.push({ object, length })
    }
    const remove = before ? [...before.keys()].filter((key) => !now.has(key)) : []
    this.networks.set(networkId, now)
    if (before && set.length === 0 && remove.length === 0) return []
    const parts = inParts(set)
    return parts.map((part, i) => ({ kind: 'networkObjects', networkId, complete: !before && i === 0, set: part, remove: i === 0 ? remove : [], ...(i < parts.length - 1 ? { more: true } : {}) }))
  }
}

/** At least one part. */
function inParts(set: readonly Written[]): NetworkObject[][] {
  const parts: NetworkObject[][] = [[]]
  let room = maxCharacters
  for (const { object, length } of set) {
    const last = parts.at(-1)
    if (last && (last.length === 0 || (length <= room && last.length < maxObjects))) last.push(object)
    else {
      parts.push([object])
      room = maxCharacters
    }
    room -= length
  }
  return parts
}
