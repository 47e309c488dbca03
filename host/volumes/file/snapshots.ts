import { join } from 'node:path'
import { syncFolder } from '@/host/ledger/atomic-file'
import { VolumeError, type Layer, type SnapshotStep } from '../store'
import { isOpen, notFound } from '../tools/failures'
import { openersOf, type Opener } from './image-lock'
import { freeze, makeLayer, syncLayer } from './layers'
import { idOf, maxLayers, SnapshotFolder, VolumeFolder, type VolumeRecord } from './layout'

/** Where a store lies, whether several hosts have it, and what is told of each step that is on disk: a test ends the agent there. */
export type Site = { root: string; shared: boolean; step: (name: string) => void | Promise<void> }

const overlayStep = (folder: VolumeFolder, id: string): SnapshotStep => ({ kind: 'overlay', overlay: { id, path: folder.layer(id), readOnly: false } satisfies Layer })

/** A volume's record, or `NotFound`. */
export async function existing(folder: VolumeFolder, uid: string): Promise<VolumeRecord> {
  const record = await folder.read()
  if (!record) throw notFound('Volume', uid)
  return record
}

/** Puts an empty overlay on top in the record: from then on whoever opens the volume anew writes to it alone. Who has it open still writes below, until he takes the overlay too. */
export async function prepareSnapshot({ root, step }: Site, uid: string, snapshotUid: string): Promise<SnapshotStep> {
  const folder = new VolumeFolder(root, uid)
  const found = await existing(folder, uid)
  if (found.pending?.snapshotUid === snapshotUid) return overlayStep(folder, found.pending.overlay)
  const snapshot = new SnapshotFolder(root, snapshotUid)
  if (await snapshot.read()) {
    await syncFolder(snapshot.path)
    return { kind: 'none' }
  }
  const record = await settleTaken(folder, found)
  if (record.pending) throw new VolumeError('Conflict', uid, `Snapshot ${record.pending.snapshotUid} of volume ${uid} is being taken. It is tried again after that.`)
  if (record.layers.length >= maxLayers) throw new VolumeError('TooManySnapshots', uid, `Volume ${uid} has ${record.layers.length} layers, as many as it may. Delete snapshots that nobody needs any more; their layers are merged, and it is tried again.`)
  const overlay = idOf(record.next)
  await makeLayer(folder.layer(overlay), record.sizeBytes)
  await step('the overlay is made')
  await folder.write({ ...record, layers: [overlay, ...record.layers], next: record.next + 1, pending: { snapshotUid, overlay } })
  await step('the overlay is the top layer')
  return overlayStep(folder, overlay)
}

/** Writes what the host's page cache has of the layer that a prepared snapshot freezes: however much that is. Nothing where none is prepared. */
export async function syncFrozen({ root }: Site, uid: string): Promise<void> {
  const folder = new VolumeFolder(root, uid)
  const record = await folder.read()
  if (record?.pending) await syncLayer(folder.layer(record.layers[1] ?? ''))
}

/** What lies below the overlay is the snapshot: its folder gets a name more for each of those files. */
export async function commitSnapshot({ root, step }: Site, uid: string, snapshotUid: string): Promise<void> {
  const folder = new VolumeFolder(root, uid)
  const snapshot = new SnapshotFolder(root, snapshotUid)
  const record = await existing(folder, uid)
  const taken = await snapshot.read()
  if (taken && taken.volumeUid !== uid) throw new VolumeError('Conflict', snapshotUid, `Snapshot ${snapshotUid} is one of volume ${taken.volumeUid}.`)
  if (!taken) {
    if (record.pending?.snapshotUid !== snapshotUid) throw new VolumeError('NotFound', snapshotUid, `Snapshot ${snapshotUid} of volume ${uid} was not prepared, or its volume was opened anew meanwhile. It is taken anew.`)
    const layers = record.layers.slice(1)
    await freeze(folder.layer(layers[0] ?? ''))
    await step('its layer is frozen')
    await snapshot.make()
    for (const id of layers) {
      await snapshot.adopt(id, folder.layer(id))
      await step('the snapshot has a layer')
    }
    await syncFolder(snapshot.path)
    await syncFolder(join(root, 'snapshots'))
    await snapshot.write({ version: 1, uid: snapshotUid, volumeUid: uid, sizeBytes: record.sizeBytes, layers, next: record.next, inherited: record.inherited })
    await step('the snapshot is there')
  } else {
    // An agent that died may have written the record, and not what makes its name outlive a power cut.
    await syncFolder(snapshot.path)
  }
  if (record.pending?.snapshotUid === snapshotUid) await folder.write({ ...record, pending: null })
}

/**
 * A snapshot that was not taken. The overlay goes only where whoever writes to the volume does so below it still; else it may hold what he was told is written, though nobody has it open any more, and is a layer
 * as any other. `Conflict`: he may go on in either just now.
 */
export async function abortSnapshot({ root, step }: Site, uid: string, snapshotUid: string): Promise<void> {
  const folder = new VolumeFolder(root, uid)
  const record = await folder.read()
  if (!record || record.pending?.snapshotUid !== snapshotUid) return
  const [overlay, below] = await openersOfBoth(folder, record)
  if (below !== 'writer' || (await new SnapshotFolder(root, snapshotUid).read())) return void (await settled(folder, record))
  if (overlay !== 'none') throw isOpen(uid)
  const kept = { ...record, layers: record.layers.slice(1), pending: null }
  await folder.write(kept)
  await step('the overlay is not in the record')
  await folder.tidy(kept.layers)
}

/** Of the overlay of a snapshot that was prepared, and of what it lies over. */
const openersOfBoth = (folder: VolumeFolder, { layers }: VolumeRecord): Promise<Opener[]> => openersOf(layers.slice(0, 2).map((id) => folder.layer(id)))

/** An overlay that is in use is a layer as any other, whatever became of its snapshot: that is taken again, with one of its own. */
export async function settleTaken(folder: VolumeFolder, record: VolumeRecord): Promise<VolumeRecord> {
  if (!record.pending) return record
  const [overlay, below] = await openersOfBoth(folder, record)
  return overlay === 'writer' && below !== 'writer' ? settled(folder, record) : record
}

async function settled(folder: VolumeFolder, record: VolumeRecord): Promise<VolumeRecord> {
  const plain = { ...record, pending: null }
  await folder.write(plain)
  return plain
}

/**
 * Before a volume is opened anew: an overlay whose snapshot was never taken is a layer as any other from now on, for what is written from here on lies in it. While somebody has
 * it open, with the overlay or not yet, nothing is settled.
 */
export async function settlePending(folder: VolumeFolder, record: VolumeRecord): Promise<VolumeRecord> {
  if (!record.pending) return record
  if ((await openersOfBoth(folder, record)).includes('writer')) return record
  return settled(folder, record)
}
