import type { Server } from 'node:net'
import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '@/host/ledger/atomic-file'
import { lockFolder } from '@/host/control/agent-files'
import { Serial } from '@/host/network/serial'
import type { Room, RoomGauge } from '../room'
import { VolumeError, type Archive, type FoundSnapshot, type Image, type Origin, type Progress, type SnapshotFacts, type SnapshotStep, type VolumeFacts, type VolumeStore } from '../store'
import { Slots } from '../slots'
import { asVolumeError, isOpen } from '../tools/failures'
import { isAbandoned } from './abandoned'
import { claimVolume, holdsEpoch, imageOf, releaseVolume } from './claims'
import { makeBlank, makeClone, revertVolume } from './clones'
import { openersOf } from './image-lock'
import { gaugeOf } from './gauge'
import { importVolume } from './import'
import { growLayer, virtualBytes } from './layers'
import { StoreMark, whileThere, type StoreIdentity } from './mark'
import { growable, maxLayers, ownNames, recorded, SnapshotFolder, trashOf, VolumeFolder } from './layout'
import { finishMerges, flattenVolume, tidyVolume } from './merges'
import { abortSnapshot, commitSnapshot, existing, prepareSnapshot, settleTaken, syncFrozen, type Site } from './snapshots'
import { whileLocked } from './store-lock'

/** A folder on a network that has answered is taken to be there for so long. */
const answeredMs = 2_000
/** So many layers leave room for some snapshots more until the chain is as long as it may be. */
const longChain = maxLayers - 4

/** `name`: the store's, for errors. `shared`: other hosts have the same folder (a network's file system). `lockWithinMs`: how long an agent that ends is waited for. `gauge`: of this folder, where there is one already. `identity`: which store the folder has to hold; left out: whichever lies there. */
export type FileStoreOptions = { name: string; shared: boolean; lockWithinMs?: number; step?: Site['step']; gauge?: RoomGauge; identity?: StoreIdentity }

/**
 * Volumes as qcow2 layers in a folder each (docs/adr/0044). What is in force is what the record in a folder says; it is written last, and what it does not name is rubbish, which goes
 * at the next start. Short calls run one at a time, of all hosts that have the folder; making, merging and importing of bytes goes on beside them.
 */
export class FileStore implements VolumeStore {
  readonly kind = 'file'
  private readonly serial = new Serial()
  /** All copy bytes of the disk that guests wait for: one of each at a time, or a schedule of many volumes would take it for itself. */
  private readonly tidying = new Slots(1)
  private readonly flattening = new Slots(1)
  private readonly exclusively = <T>(work: () => Promise<T>): Promise<T> => this.serial.do(() => (this.site.shared ? whileLocked(this.site.root, this.name, () => whileThere(this.mark, work)) : whileThere(this.mark, work)))
  private constructor(
    private readonly site: Site,
    private readonly name: string,
    private readonly gauge: RoomGauge,
    private readonly lock: Server | null,
    private readonly mark: StoreMark | null,
  ) {}

  /** Makes the folder where it is missing, takes it for this agent alone unless it is shared, and removes and finishes what an earlier agent has left half done. `Unreachable` where the folder does not answer, or does not hold the store. */
  static async open(root: string, { name, shared, lockWithinMs = 10_000, step = () => {}, gauge = gaugeOf(root, name, shared), identity }: FileStoreOptions): Promise<FileStore> {
    const answers = await gauge.read().then(() => true, (error: unknown) => {
      if (gauge.isSilent) throw error
      return false
    })
    const mark = identity ? await StoreMark.settle(root, name, identity) : null
    for (const folder of ['', 'volumes', 'snapshots', 'merges', 'trash']) await mkdir(join(root, folder), { recursive: true, mode: 0o700 })
    if (!answers) await gauge.read()
    const store = new FileStore({ root, shared, step }, name, gauge, shared ? null : await lockFolder(root, lockWithinMs), mark)
    try {
      await store.exclusively(() => store.takeUp())
      void store.emptyTrash().catch(() => {})
      return store
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /** Another agent may have the folder. */
  close(): Promise<void> {
    return new Promise((resolve) => (this.lock ? this.lock.close(() => resolve()) : resolve()))
  }

  /** The store is given up: an empty folder may be another's from now on. */
  async retire(): Promise<void> {
    await this.of(this.name, () => this.serial.do(async () => this.mark?.retire()))
  }

  private async takeUp(): Promise<void> {
    const { root, shared } = this.site
    await finishMerges(this.site)
    for (const kind of ['volumes', 'snapshots'] as const) {
      const kept = new Set(await recorded(root, kind))
      for (const name of await ownNames(join(root, kind))) if (!kept.has(name) && (!shared || (await isAbandoned(join(root, kind, name))))) await rename(join(root, kind, name), this.trashed())
      // At a folder of several hosts another one may be at work in it; who claims a volume looks after its own.
      if (!shared) for (const uid of kept) await this.tidyFolder(kind === 'volumes' ? new VolumeFolder(root, uid) : new SnapshotFolder(root, uid))
    }
  }

  private async requireClaim(uid: string, epoch: number | undefined): Promise<void> {
    if (epoch !== undefined) await holdsEpoch(new VolumeFolder(this.site.root, uid), uid, epoch)
  }

  private readonly trashed = (): string => join(trashOf(this.site.root), randomUUID())

  /** Large files take their time to go, for which nobody waits; what cannot be removed is tried again with what comes next. */
  private async emptyTrash(): Promise<void> {
    const trash = trashOf(this.site.root)
    for (const name of await ownNames(trash)) await rm(join(trash, name), { recursive: true, force: true }).catch(() => {})
  }

  /** Work after which layers may lie in the trash. */
  private async littering<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } finally {
      void this.emptyTrash().catch(() => {})
    }
  }

  private async tidyFolder(folder: VolumeFolder | SnapshotFolder): Promise<void> {
    // A record that cannot be read costs its own volume: whoever asks for that is told.
    const record = await folder.read().catch((error: unknown) => {
      if (error instanceof VolumeError) return null
      throw error
    })
    if (record) await folder.tidy(record.layers)
  }

  /** Nothing is begun at a folder that does not answer: each call would hold a thread of the agent up, which has few, and with them everything else that it does. */
  private async of<T>(object: string, work: () => Promise<T>): Promise<T> {
    if (this.site.shared) {
      const { mark = null } = await this.gauge.read(answeredMs)
      await this.mark?.checkText(mark)
    } else if (this.gauge.isSilent) throw this.gauge.silent
    return work().catch((error: unknown) => {
      throw asVolumeError(object, error)
    })
  }

  private short<T>(object: string, work: () => Promise<T>): Promise<T> {
    return this.of(object, () => this.exclusively(() => this.of(object, work)))
  }

  async probe(): Promise<Room> {
    const room = await this.gauge.read()
    await this.mark?.checkText(room.mark ?? null)
    return room
  }

  create({ uid, sizeBytes, origin }: { uid: string; sizeBytes: number; origin: Origin }, progress: Progress, signal: AbortSignal): Promise<void> {
    return this.littering(this.short(uid, async () => {
      signal.throwIfAborted()
      if (origin.kind === 'blank') await makeBlank(this.site, uid, sizeBytes)
      else await makeClone(this.site, origin.snapshotUid, uid, sizeBytes)
      progress(1)
    }))
  }

  import(volume: { uid: string; sizeBytes: number }, archive: Archive, progress: Progress, signal: AbortSignal): Promise<void> {
    return this.of(volume.uid, () => whileThere(this.mark, () => importVolume(this.site, volume, archive, { progress, signal })))
  }

  async list(): Promise<{ volumes: string[]; snapshots: string[] }> {
    return this.of(this.name, () => whileThere(this.mark, async () => ({ volumes: await recorded(this.site.root, 'volumes'), snapshots: await recorded(this.site.root, 'snapshots') })))
  }

  describe(uid: string): Promise<VolumeFacts | null> {
    return this.short(uid, async () => {
      const folder = new VolumeFolder(this.site.root, uid)
      const record = await folder.read()
      return record && { sizeBytes: record.sizeBytes, storedBytes: await folder.ownBytes(record.layers), parent: record.inherited > 0, epoch: await folder.epoch() }
    })
  }

  findSnapshot(snapshotUid: string): Promise<FoundSnapshot | null> {
    return this.short(snapshotUid, async () => {
      const folder = new SnapshotFolder(this.site.root, snapshotUid)
      const record = await folder.read()
      // It is found so that it counts as taken: by a run that may have ended before this.
      if (record) await syncFolder(folder.path)
      return record && { sizeBytes: record.sizeBytes, volumeUid: record.volumeUid, takenAt: await folder.writtenAt() }
    })
  }

  describeSnapshot(snapshotUid: string): Promise<SnapshotFacts | null> {
    return this.short(snapshotUid, async () => {
      const folder = new SnapshotFolder(this.site.root, snapshotUid)
      const record = await folder.read()
      return record && { sizeBytes: record.sizeBytes, storedBytes: await folder.ownBytes(record.layers, true), volumeUid: record.volumeUid }
    })
  }

  /** No file system lets one host shut out another: a fence is the operator's word, and QEMU's lock on the image has the last one. */
  claim(uid: string, epoch: number): Promise<{ clients: string[] }> {
    return this.littering(this.short(uid, async () => {
      await claimVolume(this.site, uid, epoch)
      return { clients: [] }
    }))
  }

  /** The paths hold until layers of the volume are merged: who finds one gone asks again. */
  image(uid: string, access: 'read' | 'write', epoch: number): Promise<Image> {
    return this.short(uid, () => imageOf(this.site, uid, access, epoch))
  }

  confirmOpen(uid: string, epoch: number): Promise<{ address: string | null }> {
    return this.short(uid, async () => {
      await holdsEpoch(new VolumeFolder(this.site.root, uid), uid, epoch)
      return { address: null }
    })
  }

  release(uid: string, epoch: number): Promise<void> {
    return this.short(uid, () => releaseVolume(this.site, uid, epoch))
  }

  async grow(uid: string, sizeBytes: number): Promise<void> {
    const folder = new VolumeFolder(this.site.root, uid)
    const before = await this.short(uid, async () => growable(await settleTaken(folder, await existing(folder, uid)), sizeBytes))
    if (before.sizeBytes === sizeBytes) return
    // Reading and writing a header takes long where it is a stranger's: other volumes do not wait for it.
    await this.of(uid, async () => {
      const top = folder.layer(before.layers[0] ?? '')
      if ((await openersOf([top]))[0] === 'none') await growLayer(top, sizeBytes)
      // Whoever has it open has grown it before.
      else if ((await virtualBytes(top)) < sizeBytes) throw isOpen(uid)
      await this.site.step('the layer is larger')
    })
    await this.short(uid, async () => {
      const record = growable(await existing(folder, uid), sizeBytes)
      if (record.layers[0] !== before.layers[0]) throw new VolumeError('Conflict', uid, `Volume ${uid} got another top layer while it grew. It is tried again.`)
      await folder.write({ ...record, sizeBytes })
    })
  }

  prepareSnapshot(uid: string, snapshotUid: string, epoch?: number): Promise<SnapshotStep> {
    return this.short(uid, async () => {
      await this.requireClaim(uid, epoch)
      return prepareSnapshot(this.site, uid, snapshotUid)
    })
  }

  async commitSnapshot(uid: string, snapshotUid: string): Promise<void> {
    // What the host's page cache has of it is on disk before others wait: freezing finds little left to write.
    await this.of(uid, () => syncFrozen(this.site, uid))
    await this.short(uid, () => commitSnapshot(this.site, uid, snapshotUid))
  }

  abortSnapshot(uid: string, snapshotUid: string): Promise<void> {
    return this.littering(this.short(uid, () => abortSnapshot(this.site, uid, snapshotUid)))
  }

  clone(snapshotUid: string, uid: string, sizeBytes: number): Promise<void> {
    return this.littering(this.short(uid, () => makeClone(this.site, snapshotUid, uid, sizeBytes)))
  }

  flatten(uid: string, progress: Progress, signal: AbortSignal): Promise<void> {
    return this.littering(this.of(uid, () => this.flattening.do(() => flattenVolume(this.site, uid, this.exclusively, { progress, signal }), signal)))
  }

  revert(uid: string, snapshotUid: string, progress: Progress, signal: AbortSignal, epoch?: number): Promise<void> {
    return this.littering(this.short(uid, async () => {
      signal.throwIfAborted()
      await this.requireClaim(uid, epoch)
      await revertVolume(this.site, uid, snapshotUid)
      progress(1)
    }))
  }

  removeSnapshot(snapshotUid: string, volumeUid: string | null = null, epoch?: number): Promise<void> {
    const to = this.trashed()
    return this.short(snapshotUid, async () => {
      if (volumeUid !== null) await this.requireClaim(volumeUid, epoch)
      await new SnapshotFolder(this.site.root, snapshotUid).remove(this.site.step, to)
    }).then(() => this.throwAway(snapshotUid, to))
  }

  remove(uid: string): Promise<void> {
    const to = this.trashed()
    return this.short(uid, async () => {
      const folder = new VolumeFolder(this.site.root, uid)
      const record = await folder.read()
      if (record && (await openersOf(record.layers.slice(0, 2).map((id) => folder.layer(id)))).includes('writer')) throw isOpen(uid)
      await folder.remove(this.site.step, to)
    }).then(() => this.throwAway(uid, to))
  }

  private throwAway(object: string, place: string): Promise<void> {
    return this.of(object, async () => {
      await this.site.step('the folder is thrown away')
      await rm(place, { recursive: true, force: true })
    })
  }

  tidy(uid: string, progress: Progress, signal: AbortSignal): Promise<void> {
    return this.littering(this.of(uid, async () => {
      await this.tidying.do(() => tidyVolume(this.site, uid, this.exclusively, { progress, signal }), signal)
      // Layers of the snapshot that it was made of are others' to merge: a copy of them leaves room for snapshots of its own.
      const record = await this.exclusively(() => new VolumeFolder(this.site.root, uid).read())
      if (record && record.inherited > 0 && record.layers.length >= longChain) await this.flatten(uid, progress, signal)
    }))
  }
}
