import { createHash } from 'node:crypto'
import type { Assignment } from '@/contracts/host/v1'
import { networkObject, networkObjectKey, type NetworkMessage, type NetworkObject } from '@/contracts/host/v1/networks'
import type { NetworkState } from '@/domain/network/state'
import { makeNetworkObjects, type LeftOut } from '@/server/drivers/native/network/objects'

/** A message of a host's stream is far below the 64 MiB that a host takes, and one object is its least. In characters of JSON. */
const maxCharacters = 4 << 20
const maxObjectCharacters = 32 << 20
const maxObjects = 5_000

type Digest = { text: string; length: number }
type Written = { object: NetworkObject; length: number }

export type Misshapen = { key: string; problem: string }
type Told = LeftOut & { misshapen: readonly string[] }
type Made = { objects: NetworkObject[]; leftOut: Told; misshapen: readonly Misshapen[] }
const made = new WeakMap<NetworkState, Made>()
/** Once a state, for all hosts with pods of the network. What is not as agreed with hosts is logged once, too. */
function madeOf(state: NetworkState): Made {
  const known = made.get(state)
  if (known) return { ...known, misshapen: [] }
  const { objects, leftOut } = makeNetworkObjects(state)
  const checked = objects.map(agreed)
  const misshapen = checked.flatMap(({ problem }) => problem ?? [])
  const all = { objects: checked.flatMap(({ object }) => object ?? []), leftOut: { ...leftOut, misshapen: misshapen.map(({ key }) => key) }, misshapen }
  made.set(state, all)
  return all
}

type Checked = { object: NetworkObject | null; problem: Misshapen | null }
const checks = new WeakMap<NetworkObject, Checked>()
/** An object as a host reads it. One that it would refuse is left out; but a policy stays, and lets nothing through, for without it everything would pass. */
function agreed(object: NetworkObject): Checked {
  const known = checks.get(object)
  if (known) return known
  const issue = networkObject.safeParse(object).error?.issues[0]
  const problem = issue ? `${issue.path.join('.')} ${issue.message}` : digestOf(object).length > maxObjectCharacters ? 'too large' : null
  const found = problem === null ? { object, problem: null } : { object: inPlaceOf(object), problem: { key: networkObjectKey(object), problem } }
  checks.set(object, found)
  return found
}

function inPlaceOf(object: NetworkObject): NetworkObject | null {
  // Without these nothing in the network means anything: its hosts keep what they were told.
  if (object.kind === 'network') throw new Error('the network itself is not as agreed with hosts')
  if (object.kind !== 'policy') return null
  const closed = { ...object, name: object.name.slice(0, 253), rules: [] }
  if (networkObject.safeParse(closed).success) return closed
  throw new Error(`policy "${object.name}" is not as agreed with hosts, and cannot be closed`)
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
  private sentPods: ReadonlySet<string> = new Set()
  private notSaid: ReadonlySet<string> = new Set()
  /** What was said last of what had no room, by network. */
  readonly leftOut = new Map<string, string | null>()

  /** Whether all of the network was said, so that it needs no look without a change. */
  knows(networkId: string): boolean {
    return this.networks.has(networkId) && !this.notSaid.has(networkId)
  }

  get ids(): ReadonlySet<string> {
    return new Set([...this.networks.keys(), ...this.notSaid])
  }

  /** The networks that pods have come to since the set that `begin` was called with: they must not run before what is said of them is known. */
  newcomers(assignments: readonly Pick<Assignment, 'uid' | 'network'>[]): ReadonlySet<string> {
    return new Set(assignments.flatMap(({ uid, network }) => (this.pods.has(uid) ? [] : network.id)))
  }

  begin(assignments: readonly Pick<Assignment, 'uid'>[]): void {
    this.pods = new Set(assignments.map(({ uid }) => uid))
  }

  /** The networks of which the host does not know what it must; until the next call. */
  unsaid(networkIds: ReadonlySet<string>): void {
    this.notSaid = networkIds
  }

  isUnsaid(networkId: string): boolean {
    return this.notSaid.has(networkId)
  }

  sent(assignments: readonly Pick<Assignment, 'uid'>[]): void {
    this.sentPods = new Set(assignments.map(({ uid }) => uid))
  }

  /** Whether the host was told of the pod on this connection. */
  wasSent(podUid: string): boolean {
    return this.sentPods.has(podUid)
  }

  /** Forgets the networks of which the host has no pod any more, as the host does. */
  keep(networkIds: ReadonlySet<string>): void {
    for (const known of [this.networks, this.leftOut]) for (const id of known.keys()) if (!networkIds.has(id)) known.delete(id)
  }

  /**
   * The messages that make the host know a network as it is; none where it does. The first of a network has everything. They count as told. And what
   * had no room in them, and what was not as agreed.
   */
  messages(state: NetworkState): { messages: NetworkMessage[]; leftOut: Told; misshapen: readonly Misshapen[] } {
    const { objects, leftOut, misshapen } = madeOf(state)
    return { messages: this.differences(state.network.uid, objects), leftOut, misshapen }
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
