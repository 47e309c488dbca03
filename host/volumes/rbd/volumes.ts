import { randomBytes } from 'node:crypto'
import { VolumeError } from '../store'
import { CephFailure, errno, unless } from './ceph-errors'
import { removeNotes } from './notes'
import { makingImage, type RbdPlace, removedImage, volumeImage } from './rbd-place'

export const noVolume = (uid: string) => new VolumeError('NotFound', uid, `Volume ${uid} is not in its store: it was removed there. Make it anew of a snapshot, or ask an operator to look at the pool.`)
export const noSnapshot = (uid: string) => new VolumeError('NotFound', uid, `Snapshot ${uid} is not in its store: it was removed there. Take another one.`)

/** What is there under this name is a volume that is whole. */
export async function requireImage(place: RbdPlace, uid: string): Promise<{ size: number; hasParent: boolean }> {
  const info = await place.info(volumeImage(uid))
  if (info === null) throw noVolume(uid)
  return { size: info.size, hasParent: info.parent !== undefined }
}

/**
 * An image is made under another name, which no other call has, and gets its own once it is whole. Of two hosts that make it at once the first one's is the volume. What an earlier call left half made goes. `make` is not called where the volume is there.
 */
export async function makeWhole(place: RbdPlace, uid: string, sizeBytes: number, make: (image: string) => Promise<void>): Promise<void> {
  await place.ready()
  if (await isThere(place, uid, sizeBytes)) return
  // It is not waited for: what is left of it goes with the volume.
  await place.removeHalfMade(uid, 'short')
  const making = makingImage(uid, randomBytes(4).toString('hex'))
  await make(making)
  const made = await place.info(making)
  if (made === null) throw new VolumeError('Conflict', uid, `Volume ${uid} is made by another host, which took this one for dead. It is tried again.`)
  if (made.size < sizeBytes) await place.resize(making, sizeBytes)
  await place.rename(making, volumeImage(uid)).catch(async (error: unknown) => {
    if (!(error instanceof CephFailure) || error.errno !== errno.exists || !(await isThere(place, uid, sizeBytes))) throw error
    await place.removeImage(making)
  })
}

async function isThere(place: RbdPlace, uid: string, sizeBytes: number): Promise<boolean> {
  const there = await place.info(volumeImage(uid))
  if (there !== null && there.size < sizeBytes) throw new VolumeError('Conflict', uid, `Volume ${uid} is there already, with ${there.size} bytes where ${sizeBytes} are asked for. Grow it.`)
  return there !== null
}

export async function grow(place: RbdPlace, uid: string, sizeBytes: number): Promise<void> {
  const { size } = await requireImage(place, uid)
  if (size > sizeBytes) throw new VolumeError('Conflict', uid, `Volume ${uid} has ${size} bytes and cannot have ${sizeBytes}: a file system would lose what is beyond. Make a smaller volume and copy.`)
  if (size < sizeBytes) await place.resize(volumeImage(uid), sizeBytes)
}

/** Whoever has it open for writing is a watcher of it. */
export async function requireClosed(place: RbdPlace, uid: string, clients: readonly string[]): Promise<void> {
  if (clients.length > 0) throw new VolumeError('Conflict', uid, `Volume ${uid} is open (${clients.join(', ')}). Detach it first; a client that died is forgotten within half a minute, or once the volume is released.`, { isOperators: true })
}

/** An image whose snapshots are needed goes on without a name of its own, and without bytes that only it had. */
export async function remove(place: RbdPlace, uid: string): Promise<void> {
  const image = volumeImage(uid)
  await place.removeHalfMade(uid, 'long')
  const snapshots = await place.snapshots(image).catch(unless([errno.notFound], null))
  if (snapshots === null) {
    // An earlier call may have come as far as its name, or into the trash.
    await place.removeImage(image)
    await empty(place, removedImage(uid))
    await place.sweep(removedImage(uid))
  }
  else if (snapshots.length === 0) await place.removeImage(image)
  else {
    await place.rename(image, removedImage(uid)).catch(async (error: unknown) => {
      // Another name is an object more, for which a full pool has no room: that comes of what goes with it.
      if (error instanceof VolumeError && error.code === 'NoSpace') await empty(place, image)
      throw error
    })
    await empty(place, removedImage(uid))
  }
  await removeNotes(place, uid)
}

/** `rbd` takes it for an error where an image has that size already. */
async function empty(place: RbdPlace, image: string): Promise<void> {
  if (((await place.info(image))?.size ?? 0) > 0) await place.empty(image)
}
