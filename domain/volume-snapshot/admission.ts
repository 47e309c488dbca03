import { formatBytes } from '../shared/quantity'
import type { VolumeStoreSpec } from '../volume-store/spec'
import { maxSnapshotsOf } from '../volume/limits'
import type { VolumeSpec } from '../volume/spec'
import type { StoredPhase } from '../volume/state'
import type { Consistency } from './spec'

/** What decides whether a snapshot of a volume can be taken now. */
export type SnapshotSubject = {
  name: string
  mode: VolumeSpec['volumeMode']
  store: VolumeStoreSpec['kind']
  deleted: boolean
  stored: StoredPhase
  reverting: boolean
  /** Its keeper, or the host on whose disk it lies, is silent or given up. */
  hostLost: boolean
  /** The pod that has it stands still, for its store has no room. */
  paused: boolean
  /** It is made of an image's files, which come into it with the first pod that writes to it: none has. */
  unfilled: boolean
  /** How many it has, with those that are being taken or removed, and those that clones are made of. */
  snapshots: number
}

/** Why no snapshot of the volume can be taken, and what helps; null: one can. Pure: people, groups and schedules are answered the same. */
export function snapshotRefusal(volume: SnapshotSubject): string | null {
  const the = `the volume "${volume.name}"`
  if (volume.deleted) return `${the} is deleted: restore it first`
  if (volume.stored === 'Failed') return `${the} failed, as its conditions say: there is nothing to take a snapshot of`
  if (volume.stored !== 'Ready') return `nothing of ${the} is stored yet: wait until it is Available`
  if (volume.reverting) return `${the} is going back to a snapshot: wait until it has`
  if (volume.hostLost) return `the host that has ${the} has not been heard of: take it once that host is back`
  if (volume.paused) return `the pod that has ${the} stands still, for its store is full: delete volumes or snapshots that nobody needs, so that it goes on, and take it then`
  if (volume.unfilled) return `the files of its image are not in ${the} yet: they come with the first pod that writes to it`
  const most = maxSnapshotsOf(volume.store)
  if (volume.snapshots >= most) return `${the} has ${volume.snapshots} snapshots, which is the most that its store keeps of one volume: delete some that nobody needs`
  return null
}

/** A volume that a pod is to have, and does not have just now. `refused`: why its host does not attach it, where that stays so until somebody does something. */
export type ComingVolume = { name: string; lost: boolean; refused: string | null }

/** Why nothing can be taken of all that a pod has, of which some is on its way: all are of one instant, or none is taken. */
export const comingRefusal = ([first]: readonly ComingVolume[]): string | null => (first ? `the volume "${first.name}" ${whyNotThere(first)}` : null)

function whyNotThere({ lost, refused }: ComingVolume): string {
  if (lost) return 'is on a host that has not been heard of: take them once that host is back'
  return refused === null ? 'is being attached: wait until the pod has it' : `could not be attached (${refused}): detach it`
}

/** What a schedule says of a volume of its pod that it leaves out: nobody may be there to detach it, and the others are taken meanwhile. */
export const leftOut = ({ name, refused }: ComingVolume): string => `the volume "${name}" is left out, as it could not be attached (${refused ?? ''}): detach it, or do what its attachment says`

/** Why these cannot be as consistent as asked; null: they can. A block device has no file system that the guest could write out; of a group, one volume with one is enough. */
export const consistencyRefusal = (volumes: readonly Pick<SnapshotSubject, 'name' | 'mode'>[], consistency: Consistency): string | null =>
  consistency === 'CrashConsistent' || volumes.some(({ mode }) => mode === 'Filesystem') ? null : `is FilesystemConsistent, and the volume "${volumes[0]?.name ?? ''}" is a block device, of which the guest knows no file system: leave it out`

type SnapshotUse = { snapshots: number; bytes: number }
/** What a tenant is told where it has as many snapshots as it may, or more bytes in volumes and snapshots: how large one will be nobody knows before it is. `more`: how many are asked for. */
export function snapshotQuotaRefusal(used: SnapshotUse, limits: SnapshotUse, more: number): string | null {
  const remedy = 'delete some that are not needed, or ask an operator for more'
  if (used.bytes > limits.bytes) return `The tenant's volumes and snapshots have ${formatBytes(used.bytes)}, and may have ${formatBytes(limits.bytes)}, so no snapshot fits: ${remedy}.`
  return used.snapshots + more <= limits.snapshots ? null : `The tenant has ${used.snapshots} snapshots, and may have ${limits.snapshots}${more === 1 ? '' : `, so ${more} more do not fit`}: ${remedy}.`
}

/** Why a snapshot that is Ready is not as consistent as it was asked to be. */
export const notFrozen = 'NotFrozen'
/** What is said of one. `cause`: of its host; empty where an agent of before says none. */
export const notFrozenMessage = (cause: string): string => `It is CrashConsistent, as after a power cut, and was asked to be FilesystemConsistent. ${cause || "Its pod's file systems did not come to rest in time."} Take it again while the pod writes less, or go by it as after a power cut.`

/** A name for each snapshot of a group, of what the group is called and the volume's name; cut to what a name may have, and then told apart by a number. */
export function groupNames(group: string, volumes: readonly string[]): string[] {
  const taken = new Set<string>()
  return volumes.map((volume) => {
    const whole = `${group}-${volume}`
    let name = tidy(whole)
    for (let number = 2; taken.has(name); number += 1) name = `${tidy(whole.slice(0, longest - 4))}-${number}`
    taken.add(name)
    return name
  })
}
const longest = 253
/** A name ends with a letter or a digit. */
const tidy = (name: string): string => name.slice(0, longest).replace(/[^a-z0-9]+$/, '')

/** What a snapshot is in words, for audit entries. */
export const snapshotWords = (volume: string, sizeBytes: number, consistency: Consistency): string => `of ${volume}, ${formatBytes(sizeBytes)}${consistency === 'FilesystemConsistent' ? ', file system consistent' : ''}`
