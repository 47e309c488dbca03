import { ExecError } from '@/platform/exec'
import { VolumeError, type Archive, type Progress } from '../store'
import { archiveBytes, giveToJails } from '../tools/archive'
import { asVolumeError } from '../tools/failures'
import { saidBy } from '../tools/jailed-qemu-img'
import { makeVolume } from './clones'
import { checkArchive, importLayer } from './layers'
import { VolumeFolder } from './layout'
import type { Site } from './snapshots'

/** A volume of an archive: its bytes are read in a jail, and written anew as a layer of ours, so that nothing of its header stays. */
export async function importVolume(site: Site, { uid, sizeBytes }: { uid: string; sizeBytes: number }, archive: Archive, work: { progress: Progress; signal: AbortSignal }): Promise<void> {
  // What an earlier call has made of it needs no archive any more.
  if (!(await new VolumeFolder(site.root, uid).read())) {
    const bytes = await archiveBytes(uid, archive)
    if (bytes > sizeBytes) throw new VolumeError('SourceTooLarge', uid, `The uploaded image has ${bytes} bytes, the volume that shall be made of it ${sizeBytes}. Ask for a larger one.`)
    await giveToJails(archive.path)
  }
  await makeVolume(site, uid, sizeBytes, async (folder) => {
    await readArchive(folder.layer('0'), sizeBytes, archive, work).catch((error: unknown) => {
      const known = asVolumeError(uid, error)
      if (!(known instanceof ExecError)) throw known
      throw new VolumeError('Refused', uid, `The uploaded image cannot be read: ${saidBy(error) || 'it takes too much memory or time'}. Check it with "qemu-img check", make it anew, and upload that.`, { cause: error })
    })
    return { layers: ['0'], next: 1, inherited: 0 }
  })
}

async function readArchive(path: string, sizeBytes: number, archive: Archive, work: { progress: Progress; signal: AbortSignal }): Promise<void> {
  if (archive.format === 'qcow2') await checkArchive(archive.path, work.signal)
  await importLayer(path, sizeBytes, archive, work)
}
