import { VolumeError, type FoundSnapshot, type SnapshotFacts } from '../store'
import { errno, unless } from './ceph-errors'
import { getNote, removeNote, setNote } from './notes'
import { type RbdPlace, removedImage, uidOf, volumeImage } from './rbd-place'
import { rollBackImage } from './roll-back'
import { makeWhole, noSnapshot, requireImage } from './volumes'

/** As the API bounds them too; each costs the cluster some bookkeeping at every write. */
const mostSnapshots = 256
/** How large a volume was before it goes back: RBD makes it as large as the snapshot was. */
const revertedFrom = 'size-before-revert'

/** The owner of the image, if there is one, writes out what it holds and takes part: others' writes wait meanwhile. */
export async function take(place: RbdPlace, uid: string, snapshotUid: string): Promise<void> {
  await requireImage(place, uid)
  const taken = await place.snapshots(volumeImage(uid))
  if (taken.some(({ name }) => name === snapshotUid)) return
  if (taken.length >= mostSnapshots) throw new VolumeError('TooManySnapshots', uid, `Volume ${uid} has ${taken.length} snapshots, of ${mostSnapshots} at most. Delete some.`)
  await place.commands.rbd(['snap', 'create', '--no-progress', place.path(volumeImage(uid), snapshotUid)]).catch(unless([errno.exists], ''))
}

type There = { image: string; id: number; sizeBytes: number; takenAt: string | null }

async function snapshotOf(place: RbdPlace, image: string, snapshotUid: string): Promise<There | null> {
  const one = (await place.snapshots(image).catch(unless([errno.notFound], []))).find(({ name }) => name === snapshotUid)
  return one ? { image, id: one.id, sizeBytes: one.size, takenAt: isoOf(one.timestamp) } : null
}

function isoOf(timestamp: string | undefined): string | null {
  const at = Date.parse(`${timestamp ?? ''} UTC`)
  return Number.isNaN(at) ? null : new Date(at).toISOString()
}

/**
 * Clones of it keep their bytes: RBD keeps a removed snapshot for as long as there are some. `of`: the volume that it is most likely of. `isAllowed` throws where it is not this host's to remove, and is asked once it is
 * known which snapshot that is: what somebody takes afterwards under the same name has another id.
 */
export async function removeSnapshot(place: RbdPlace, snapshotUid: string, of: string | null, isAllowed: () => Promise<void> = async () => {}): Promise<void> {
  const there = await findSnapshot(place, snapshotUid, of).catch(unless([errno.notFound], null))
  await isAllowed()
  if (there !== null) await place.removeSnapshot(there.image, there.id)
  await place.sweep(there?.image ?? null).catch(unless([errno.notFound], undefined))
}

/** In the volume that it is most likely of before all images of the tenant are opened. */
async function findSnapshot(place: RbdPlace, snapshotUid: string, of: string | null): Promise<There | null> {
  for (const image of of === null ? [] : [volumeImage(of), removedImage(of)]) {
    const there = await snapshotOf(place, image, snapshotUid)
    if (there !== null) return there
  }
  const found = await place.imageWith(snapshotUid)
  return found && snapshotOf(place, found.image, snapshotUid)
}

const volumeOf = ({ image }: There): string | null => (image.startsWith('volume-') ? uidOf(image) : null)

/** Only lists: what a snapshot takes is slow to read where an image's object map has to be made anew. */
export async function findFacts(place: RbdPlace, snapshotUid: string, of: string | null): Promise<FoundSnapshot | null> {
  const there = await findSnapshot(place, snapshotUid, of).catch(unless([errno.notFound], null))
  return there && { sizeBytes: there.sizeBytes, volumeUid: volumeOf(there), takenAt: there.takenAt }
}

export async function clone(place: RbdPlace, snapshotUid: string, uid: string, sizeBytes: number): Promise<void> {
  await makeWhole(place, uid, sizeBytes, async (image) => {
    const source = await place.imageWith(snapshotUid)
    if (source === null) throw noSnapshot(snapshotUid)
    if (source.sizeBytes > sizeBytes) throw new VolumeError('SourceTooLarge', uid, `Snapshot ${snapshotUid} has ${source.sizeBytes} bytes, and volume ${uid} shall have ${sizeBytes}. Ask for at least as many.`)
    await place.cloneImage({ image: source.image, snapshot: snapshotUid }, image)
  })
}

/** It stays as large as it was: what was added after the snapshot reads as zeros. */
export async function rollBack(place: RbdPlace, uid: string, snapshotUid: string, epoch: number | null, signal: AbortSignal): Promise<void> {
  const image = volumeImage(uid)
  const { size } = await requireImage(place, uid)
  if (!(await place.snapshots(image)).some(({ name }) => name === snapshotUid)) throw noSnapshot(snapshotUid)
  const noted = Number(await getNote(place, uid, revertedFrom) ?? 0)
  const before = Math.max(size, noted)
  await setNote(place, uid, revertedFrom, String(before))
  await rollBackImage(place, uid, { image, snapshot: snapshotUid }, epoch, signal)
  const { size: after } = await requireImage(place, uid)
  if (after < before) await place.resize(image, before)
  await removeNote(place, uid, revertedFrom)
}

export async function describeSnapshot(place: RbdPlace, snapshotUid: string, of: string | null): Promise<SnapshotFacts | null> {
  const there = await findSnapshot(place, snapshotUid, of)
  if (there === null) return null
  const usage = (await place.usage(there.image, snapshotUid)).find(({ snapshot }) => snapshot === snapshotUid)
  return { sizeBytes: there.sizeBytes, storedBytes: usage?.used_size ?? 0, volumeUid: volumeOf(there) }
}
