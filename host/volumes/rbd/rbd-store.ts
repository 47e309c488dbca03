import type { VolumeFence } from '@/contracts/host/v1/volumes'
import type { Room, RoomGauge } from '../room'
import { VolumeError, type Archive, type FoundSnapshot, type Image, type Origin, type Progress, type SnapshotFacts, type SnapshotStep, type VolumeFacts, type VolumeStore } from '../store'
import { CephCommands, type CephAccess } from './ceph-commands'
import { errno, unless } from './ceph-errors'
import { claim, confirmOpen, release, requireClaim } from './claims'
import { readEpochs, requireCurrent } from './epochs'
import { clientsOf, locksOf, type Whom } from './fence'
import { noteOwnHost } from './hosts'
import { importArchive } from './import'
import { RbdPlace, uidOf, volumeImage } from './rbd-place'
import { poolGauge } from './pool-gauge'
import { clone, describeSnapshot, findFacts, removeSnapshot, rollBack, take } from './snapshots'
import { tenantKey, tenantUser } from './tenant-user'
import { grow, makeWhole, remove, requireClosed, requireImage } from './volumes'

/** `namespace`: the tenant's id. `access`: the agent's user. `work`: a folder of this host for archives that are unpacked. `gauge`: of this pool, where other tenants have one already. */
export type RbdStoreOptions = { access: CephAccess; pool: string; namespace: string; work: string; gauge?: RoomGauge }

/** `ceph df` takes a second of a processor: how full a pool is it tells no more often. */
const answerMs = 5_000

/** The images of one tenant in one pool of Ceph, by the programs `rbd` and `ceph`. */
export class RbdStore implements VolumeStore {
  readonly kind = 'rbd'
  private readonly place: RbdPlace
  private readonly gauge: RoomGauge

  constructor(private readonly options: RbdStoreOptions) {
    this.gauge = options.gauge ?? poolGauge(options.access, options.pool)
    this.place = new RbdPlace(new CephCommands(options.access, this.gauge), options.pool, options.namespace)
  }

  probe(): Promise<Room> {
    return this.gauge.read(answerMs)
  }

  async create({ uid, sizeBytes, origin }: { uid: string; sizeBytes: number; origin: Origin }, progress: Progress, signal?: AbortSignal): Promise<void> {
    const place = this.place.until(signal)
    if (origin.kind === 'snapshot') await clone(place, origin.snapshotUid, uid, sizeBytes)
    else await makeWhole(place, uid, sizeBytes, (image) => place.createImage(image, sizeBytes))
    progress(1)
  }

  async import({ uid, sizeBytes }: { uid: string; sizeBytes: number }, archive: Archive, progress: Progress, signal: AbortSignal): Promise<void> {
    const place = this.place.until(signal)
    await makeWhole(place, uid, sizeBytes, (image) => importArchive(place, { uid, sizeBytes, image, work: this.options.work, free: async () => (await this.probe()).freeBytes }, archive, progress, signal))
    progress(1)
  }

  async list(): Promise<{ volumes: string[]; snapshots: string[] }> {
    const lines = await this.place.lines().catch(unless([errno.notFound], []))
    const volumes = lines.filter(({ image, snapshot }) => snapshot === undefined && image.startsWith('volume-')).flatMap(({ image }) => uidOf(image) ?? [])
    return { volumes, snapshots: lines.flatMap(({ image, snapshot }) => (snapshot === undefined || uidOf(image) === null ? [] : [snapshot])) }
  }

  async describe(uid: string): Promise<VolumeFacts | null> {
    const image = volumeImage(uid)
    const info = await this.place.info(image)
    if (info === null) return null
    const [{ highest }, usage] = await Promise.all([readEpochs(this.place, uid), this.place.usage(image)])
    return { sizeBytes: info.size, storedBytes: usage.find(({ snapshot }) => snapshot === undefined)?.used_size ?? 0, parent: info.parent !== undefined, epoch: highest }
  }

  findSnapshot(snapshotUid: string, volumeUid: string | null = null): Promise<FoundSnapshot | null> {
    return findFacts(this.place, snapshotUid, volumeUid)
  }

  describeSnapshot(snapshotUid: string, volumeUid: string | null = null): Promise<SnapshotFacts | null> {
    return describeSnapshot(this.place, snapshotUid, volumeUid).catch(unless([errno.notFound], null))
  }

  /** Whoever is found is shut out, whether the server knows of him or not. */
  async claim(uid: string, epoch: number, _fence: VolumeFence | null): Promise<{ clients: string[] }> {
    await requireImage(this.place, uid)
    return { clients: await claim(this.place, uid, epoch) }
  }

  async image(uid: string, access: 'read' | 'write', epoch: number): Promise<Image> {
    await requireImage(this.place, uid)
    // QEMU would wait in the midst of opening it, and its VM with it.
    if (access === 'write') await this.place.commands.requireRoom()
    if (access === 'write') await requireClaim(this.place, uid, epoch)
    else requireCurrent(uid, epoch, (await readEpochs(this.place, uid)).highest)
    const { pool, namespace } = this.options
    const server = this.options.access.monitors.map((address) => ({ host: address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'), port: /:(\d+)$/.exec(address)?.[1] ?? '3300' }))
    return { kind: 'rbd', options: { pool, namespace, image: volumeImage(uid), user: tenantUser(pool, namespace), server }, readOnly: access === 'read', secret: () => tenantKey(this.place.commands, pool, namespace) }
  }

  async confirmOpen(uid: string, epoch: number): Promise<{ address: string }> {
    await requireImage(this.place, uid)
    return { address: await confirmOpen(this.place, uid, epoch) }
  }

  async isLocked(uid: string): Promise<boolean> {
    return (await locksOf(this.place, volumeImage(uid)).catch(unless([errno.notFound], []))).length > 0
  }

  async release(uid: string, epoch: number, whom: Whom = 'writers'): Promise<void> {
    await release(this.place, uid, epoch, whom).catch(unless([errno.notFound], undefined)).catch((error: unknown) => {
      if (!(error instanceof VolumeError) || error.code !== 'Stale') throw error
    })
  }

  grow(uid: string, sizeBytes: number, signal?: AbortSignal): Promise<void> {
    return grow(this.place.until(signal), uid, sizeBytes)
  }

  async prepareSnapshot(uid: string, _snapshotUid: string, epoch?: number): Promise<SnapshotStep> {
    await requireImage(this.place, uid)
    if (epoch !== undefined) await requireClaim(this.place, uid, epoch)
    return { kind: 'none' }
  }

  commitSnapshot(uid: string, snapshotUid: string): Promise<void> {
    return take(this.place, uid, snapshotUid)
  }

  /** Nothing was prepared. */
  async abortSnapshot(): Promise<void> {}

  clone(snapshotUid: string, uid: string, sizeBytes: number): Promise<void> {
    return clone(this.place, snapshotUid, uid, sizeBytes)
  }

  async flatten(uid: string, progress: Progress, signal: AbortSignal): Promise<void> {
    const place = this.place.until(signal)
    const { hasParent } = await requireImage(place, uid)
    if (hasParent) {
      await noteOwnHost(place)
      await place.commands.rbd(['flatten', '--no-progress', place.path(volumeImage(uid))], { turn: 'long' })
    }
    await place.sweep()
    progress(1)
  }

  async revert(uid: string, snapshotUid: string, progress: Progress, signal: AbortSignal, epoch?: number): Promise<void> {
    const place = this.place.until(signal)
    await closed(place, uid)
    if (epoch !== undefined) await requireClaim(place, uid, epoch)
    await place.commands.requireRoom()
    await noteOwnHost(place)
    await rollBack(place, uid, snapshotUid, epoch ?? null, signal)
    progress(1)
  }

  async removeSnapshot(snapshotUid: string, volumeUid: string | null = null, epoch?: number): Promise<void> {
    const isAllowed = async () => {
      if (volumeUid !== null && epoch !== undefined) await requireClaim(this.place, volumeUid, epoch)
    }
    await removeSnapshot(this.place, snapshotUid, volumeUid, isAllowed)
  }

  async remove(uid: string, signal?: AbortSignal): Promise<void> {
    const place = this.place.until(signal)
    await closed(place, uid)
    await remove(place, uid).catch(unless([errno.notFound], undefined))
  }
}

async function closed(place: RbdPlace, uid: string): Promise<void> {
  const { addresses } = await clientsOf(place, volumeImage(uid)).catch(unless([errno.notFound], { addresses: [], watchers: [], locks: [] }))
  await requireClosed(place, uid, addresses)
}
