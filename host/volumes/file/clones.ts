import { join } from 'node:path'
import { syncFolder } from '@/host/ledger/atomic-file'
import { VolumeError } from '../store'
import { isOpen, notFound } from '../tools/failures'
import { openersOf } from './image-lock'
import { makeLayer } from './layers'
import { idOf, SnapshotFolder, VolumeFolder, type SnapshotRecord } from './layout'
import { existing, type Site } from './snapshots'

async function existingSnapshot(folder: SnapshotFolder, uid: string): Promise<SnapshotRecord> {
  const record = await folder.read()
  if (!record) throw notFound('Snapshot', uid)
  return record
}

/** A volume that is there already under this uid is what an earlier call made: from now on it stays. */
async function isMade(folder: VolumeFolder, uid: string, sizeBytes: number): Promise<boolean> {
  const made = await folder.read()
  if (made && made.sizeBytes < sizeBytes) throw new VolumeError('Conflict', uid, `Volume ${uid} is there already, with ${made.sizeBytes} bytes. Grow it.`)
  // An agent that died may have written the record, and not what makes its name outlive a power cut.
  if (made) await syncFolder(folder.path)
  return made !== null
}

/** Makes a volume in a folder of its own; `fill` puts its layers there. Without the record, which comes last, there is none. What fails leaves nothing. */
export async function makeVolume({ root, step }: Site, uid: string, sizeBytes: number, fill: (folder: VolumeFolder) => Promise<{ layers: string[]; next: number; inherited: number }>): Promise<void> {
  const folder = new VolumeFolder(root, uid)
  if (await isMade(folder, uid, sizeBytes)) return
  await folder.make()
  await step('the folder is made')
  try {
    const made = await fill(folder)
    await step('the layers are made')
    await syncFolder(folder.path)
    await syncFolder(join(root, 'volumes'))
    await folder.write({ version: 1, uid, sizeBytes, ...made, pending: null })
    await step('the volume is there')
  } catch (error) {
    await folder.remove()
    throw error
  }
}

export const makeBlank = (site: Site, uid: string, sizeBytes: number): Promise<void> =>
  makeVolume(site, uid, sizeBytes, async (folder) => {
    await makeLayer(folder.layer('0'), sizeBytes)
    return { layers: ['0'], next: 1, inherited: 0 }
  })

/** The snapshot's files get a name more, in a new folder, and an empty layer on top. */
export async function makeClone(site: Site, snapshotUid: string, uid: string, sizeBytes: number): Promise<void> {
  if (await isMade(new VolumeFolder(site.root, uid), uid, sizeBytes)) return
  const snapshot = new SnapshotFolder(site.root, snapshotUid)
  const of = await existingSnapshot(snapshot, snapshotUid)
  if (of.sizeBytes > sizeBytes) throw new VolumeError('SourceTooLarge', uid, `Snapshot ${snapshotUid} has ${of.sizeBytes} bytes, the volume that shall be made of it ${sizeBytes}. Ask for a larger one.`)
  await makeVolume(site, uid, sizeBytes, async (folder) => {
    for (const id of of.layers) {
      await folder.adopt(id, snapshot.layer(id))
      await site.step('the clone has a layer')
    }
    const top = idOf(of.next)
    await makeLayer(folder.layer(top), sizeBytes)
    return { layers: [top, ...of.layers], next: of.next + 1, inherited: of.layers.length }
  })
}

/** The volume's layers are the snapshot's again, with an empty one on top; what it had since goes. Its size stays: what lies beyond the snapshot's reads as zeros. */
export async function revertVolume({ root, step }: Site, uid: string, snapshotUid: string): Promise<void> {
  const folder = new VolumeFolder(root, uid)
  const record = await existing(folder, uid)
  const snapshot = new SnapshotFolder(root, snapshotUid)
  const to = await existingSnapshot(snapshot, snapshotUid)
  if (to.volumeUid !== uid) throw new VolumeError('Conflict', uid, `Snapshot ${snapshotUid} is one of another volume: clone it instead.`)
  if ((await openersOf(record.layers.map((id) => folder.layer(id)))).some((opener) => opener !== 'none')) throw isOpen(uid)
  for (const id of to.layers) await folder.adopt(id, snapshot.layer(id))
  await step('the layers of the snapshot are there')
  const top = idOf(record.next)
  await makeLayer(folder.layer(top), record.sizeBytes)
  await step('the new top layer is there')
  const reverted = { ...record, layers: [top, ...to.layers], next: record.next + 1, inherited: to.inherited, pending: null }
  await folder.write(reverted)
  await step('the record names them')
  await folder.tidy(reverted.layers)
}
