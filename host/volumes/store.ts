import type { VolumeFence } from '@/contracts/host/v1/volumes'

/** What a volume is made of where it is not there yet. `import` is a call of its own, for it needs an archive on this host. */
export type Origin = { kind: 'blank' } | { kind: 'snapshot'; snapshotUid: string }

/** Takes how much of a long call is done, 0 to 1. */
export type Progress = (part: number) => void

/** `epoch`: the highest under which it was ever claimed, as the store itself knows it. `parent`: whether it depends on a snapshot. `storedBytes`: what it takes there, without what it shares. */
export type VolumeFacts = { sizeBytes: number; storedBytes: number; parent: boolean; epoch: number }
export type SnapshotFacts = { sizeBytes: number; storedBytes: number; volumeUid: string | null }
/** `takenAt`: as the store has it, in ISO 8601; null: it does not say. */
export type FoundSnapshot = Omit<SnapshotFacts, 'storedBytes'> & { takenAt: string | null }

/** A qcow2 file of a volume's chain. `id` is unique in the volume and never used again; only the first of a chain may be writable. */
export type Layer = { id: string; path: string; readOnly: boolean }
/**
 * What opens a volume: its layers, the newest first, each over the next (what a header says of another file is never followed); or an image of Ceph, by the options of
 * QEMU's rbd driver without a key. `secret` gives the user's key, in base64 as Ceph writes it.
 */
export type Image = { kind: 'layers'; layers: readonly Layer[]; direct: boolean } | { kind: 'rbd'; options: RbdOptions; readOnly: boolean; secret: () => Promise<string> }
export type RbdOptions = { pool: string; namespace: string | null; image: string; user: string; server: readonly { host: string; port: string }[] }

/**
 * What the opener of a volume does between `prepareSnapshot` and `commitSnapshot`: put this empty overlay on top of what it has open, in one step; or nothing, where the
 * store takes the snapshot by itself with the commit.
 */
export type SnapshotStep = { kind: 'overlay'; overlay: Layer } | { kind: 'none' }

/** An archive on this host. The format is what its magic says; sizes in its header are believed to nobody before the store has checked them. */
export type Archive = { path: string; format: 'raw' | 'qcow2' }

/**
 * One store on this host. Volumes and snapshots are named by our own uids: every call is idempotent by them, takes up what an earlier one left half done, and leaves
 * nothing half made that `list` would name. It knows no pods and no virtual machines. Sizes are bytes. All calls throw {@link VolumeError}.
 */
export interface VolumeStore {
  readonly kind: 'file' | 'rbd'
  /** Whether it can be reached, in 5 s at most, and how full it is. */
  probe(): Promise<{ totalBytes: number; freeBytes: number }>
  create(volume: { uid: string; sizeBytes: number; origin: Origin }, progress: Progress, signal: AbortSignal): Promise<void>
  /** Makes a volume of an archive, which is a tenant's: it is read in a jail alone. `SourceTooLarge` where it holds more than `sizeBytes`. */
  import(volume: { uid: string; sizeBytes: number }, archive: Archive, progress: Progress, signal: AbortSignal): Promise<void>
  /** What is there, whoever made it. */
  list(): Promise<{ volumes: string[]; snapshots: string[] }>
  /** Null: not there. */
  describe(uid: string): Promise<VolumeFacts | null>
  /** Whether a snapshot is there, without what takes long: what it takes there. `volumeUid`: of what it is, where that is known: it is found faster. Null: it is not there. */
  findSnapshot(snapshotUid: string, volumeUid?: string | null): Promise<FoundSnapshot | null>
  /** The same with what it takes there, which may fail though it is there. */
  describeSnapshot(snapshotUid: string, volumeUid?: string | null): Promise<SnapshotFacts | null>
  /**
   * Shuts out whoever had it under a lower epoch, and takes the right to open it for writing: nothing is opened so before it resolves. `Stale` where a higher one is known,
   * `NotFenced` where somebody could not be shut out. Tells whom it has shut out.
   */
  claim(uid: string, epoch: number, fence: VolumeFence | null): Promise<{ clients: string[] }>
  /** What opens it. For writing it needs `claim` under this epoch. */
  image(uid: string, access: 'read' | 'write', epoch: number): Promise<Image>
  /** After it was opened for writing and before anybody may write: makes sure that whoever opened it is the one that a later claim shuts out. `address`: as the store has it, where it has one. */
  confirmOpen(uid: string, epoch: number): Promise<{ address: string | null }>
  /** Whether somebody is written down as the one who writes to its image, dead or alive. A store in which nothing of a dead one stays has none of it. */
  isLocked?(uid: string): Promise<boolean>
  /** Nothing here has it open for writing any more. Who reads it, on whichever host, goes on, unless `whom` is everybody: then it shall be open nowhere, and who has it open still is shut out where the store can do that. */
  release(uid: string, epoch: number, whom?: 'writers' | 'everybody'): Promise<void>
  /** Of a volume that is not open here; `Conflict` where it would shrink. A volume that is open is grown by its opener, then here. */
  grow(uid: string, sizeBytes: number, signal?: AbortSignal): Promise<void>
  /** Of a volume, open or not: what its opener has to do. The snapshot is none before `commitSnapshot`, and repeating it gives the same step. With `epoch` it needs `claim` under that, as `revert` does. */
  prepareSnapshot(uid: string, snapshotUid: string, epoch?: number): Promise<SnapshotStep>
  commitSnapshot(uid: string, snapshotUid: string): Promise<void>
  /** Of a snapshot that is not to be taken any more: what was written since `prepareSnapshot` stays, wherever it was written. `Conflict`: its opener may be about to carry out the step. */
  abortSnapshot(uid: string, snapshotUid: string): Promise<void>
  /** A volume of its own with the snapshot's bytes, at once. */
  clone(snapshotUid: string, uid: string, sizeBytes: number): Promise<void>
  /** Afterwards it depends on no snapshot. Of a volume that is not open here. */
  flatten(uid: string, progress: Progress, signal: AbortSignal): Promise<void>
  /**
   * The volume has the snapshot's bytes again. Of a volume that is not open. With `epoch` it needs `claim` under that: a host that was asleep since it claimed takes nothing back that was written under a
   * higher one.
   */
  revert(uid: string, snapshotUid: string, progress: Progress, signal: AbortSignal, epoch?: number): Promise<void>
  /**
   * Clones of it keep their bytes. `volumeUid`: of what it is, where that is known: it is found faster. With `epoch` it needs `claim` of that volume under that, once it was looked
   * what is there: a host that was asleep removes nothing that its next owner has taken under the same name.
   */
  removeSnapshot(snapshotUid: string, volumeUid?: string | null, epoch?: number): Promise<void>
  /** Its snapshots and clones keep their bytes. Of a volume that is not open. */
  remove(uid: string, signal?: AbortSignal): Promise<void>
  /**
   * Merges what removed snapshots of a volume have left apart, and has one whose chain is long depend on no snapshot any more, so that it does not grow for ever; open or not, after each change of its snapshots. A store
   * that has no chains has none of it.
   */
  tidy?(uid: string, progress: Progress, signal: AbortSignal): Promise<void>
}

/**
 * `NotFound`: no such volume or snapshot. `Conflict`: it is open, shrinking, or there already as something else. `Stale`: a higher epoch is known: open nothing. `NoSpace`: the
 * store has no room. `Unreachable`: the store does not answer. `TooManySnapshots`: its chain is as long as it may be. `SourceTooLarge`: what it shall be made of does not
 * fit. `Refused`: an archive that names other files or is no image. `Damaged`: what is there cannot be read. `NotFenced`: whoever had it before could not be shut out.
 */
export const volumeErrorCodes = ['NotFound', 'Conflict', 'Stale', 'NoSpace', 'Unreachable', 'TooManySnapshots', 'SourceTooLarge', 'Refused', 'Damaged', 'NotFenced'] as const
export type VolumeErrorCode = (typeof volumeErrorCodes)[number]

const isUid = (object: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(object)

/**
 * What a store could not do: cause, object and next action; nothing of a store's keys. What is said of a store itself, or names where it is (`isOperators`), is the operator's to read: the tenant is told by the code
 * (domain/volume/store-trouble.ts).
 */
export class VolumeError extends Error {
  override readonly name = 'VolumeError'
  readonly isOperators: boolean
  constructor(
    readonly code: VolumeErrorCode,
    /** The uid of a volume or a snapshot, or the name of a store. */
    readonly object: string,
    message: string,
    options: { cause?: unknown; isOperators?: boolean } = {},
  ) {
    super(message, options)
    this.isOperators = options.isOperators ?? !isUid(object)
  }
}
