import { syncFolder } from '@/host/ledger/atomic-file'
import { VolumeError, type Image } from '../store'
import { isOpen } from '../tools/failures'
import { opensDirect } from './direct'
import { openersOf } from './image-lock'
import { VolumeFolder, type VolumeRecord } from './layout'
import { existing, settlePending, type Site } from './snapshots'

const stale = (uid: string, epoch: number, highest: number): VolumeError => new VolumeError('Stale', uid, `Volume ${uid} was claimed under the epoch ${highest} since: under ${epoch} nothing of it is opened any more.`)
const openersOfTop = async (folder: VolumeFolder, { layers, pending }: VolumeRecord): Promise<string[]> => openersOf(layers.slice(0, pending ? 2 : 1).map((id) => folder.layer(id)))

/**
 * Writes the epoch down. Files cannot shut anybody out: whoever still has the volume open for writing under a lower epoch (QEMU's lock on the image says so) is in the way, and
 * ends, or is ended, first. Of two claims at once the higher one stays.
 */
export async function claimVolume({ root, shared, step }: Site, uid: string, epoch: number): Promise<void> {
  const folder = new VolumeFolder(root, uid)
  const record = await existing(folder, uid)
  const known = await folder.epoch()
  if (known > epoch) throw stale(uid, epoch, known)
  // An agent that died may have written it, and not what makes its name outlive a power cut.
  if (known === epoch) return syncFolder(folder.path)
  if ((await openersOfTop(folder, record)).includes('writer')) throw new VolumeError('NotFenced', uid, `Volume ${uid} is still open for writing under the epoch ${known}. Stop the pod that has it; where its host is lost, make sure that the host is off, and declare it lost.`)
  // What a host that died has left of a job in it: nobody else works on the volume now.
  if (shared) await folder.tidy(record.layers)
  await folder.writeEpoch(epoch)
  await step('the epoch is written down')
  const highest = await folder.epoch()
  if (highest > epoch) throw stale(uid, epoch, highest)
}

/** Throws unless the epoch is the highest one, under which the volume was claimed. */
export async function holdsEpoch(folder: VolumeFolder, uid: string, epoch: number): Promise<void> {
  const highest = await folder.epoch()
  if (highest > epoch) throw stale(uid, epoch, highest)
  if (highest < epoch) throw new VolumeError('Conflict', uid, `Volume ${uid} was not claimed under the epoch ${epoch}: it is claimed before it is opened.`)
}

/** The layers, of which the top one may be written where it is opened for that. Past the host's page cache, wherever the file system lets one (docs/adr/0051). */
export async function imageOf({ root, shared }: Site, uid: string, access: 'read' | 'write', epoch: number): Promise<Image> {
  const folder = new VolumeFolder(root, uid)
  let record = await existing(folder, uid)
  if (access === 'write') {
    await holdsEpoch(folder, uid, epoch)
    record = await settlePending(folder, record)
  } else {
    const highest = await folder.epoch()
    if (highest > epoch) throw stale(uid, epoch, highest)
  }
  const layers = record.layers.map((id, i) => ({ id, path: folder.layer(id), readOnly: access === 'read' || i > 0 }))
  // Of a folder of several hosts each must see what the others have written.
  return { kind: 'layers', direct: shared || (await opensDirect(layers[0]?.path ?? '')), layers }
}

/** Nothing here has it open: the kernel's locks are asked, for a word alone would not do. */
export async function releaseVolume({ root }: Site, uid: string, epoch: number): Promise<void> {
  const folder = new VolumeFolder(root, uid)
  const record = await folder.read()
  if (!record || (await folder.epoch()) > epoch) return
  if ((await openersOfTop(folder, record)).includes('writer')) throw isOpen(uid)
}
