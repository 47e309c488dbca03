import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ExecError } from '@/platform/exec'
import { VolumeError, type Archive, type Progress } from '../store'
import { checkArchive } from '../file/layers'
import { archiveBytes, giveToJails } from '../tools/archive'
import { asVolumeError } from '../tools/failures'
import { hostRoom } from '../tools/host-room'
import { jailedQemuImg, saidBy, withJob, WroteTooMuch } from '../tools/jailed-qemu-img'
import { NoPlainFile, takeFromJail } from '../tools/made-file'
import type { RbdPlace } from './rbd-place'

/** `work`: where archives are unpacked on this host. `free`: bytes that the store has left. */
export type ImportTarget = { uid: string; sizeBytes: number; image: string; work: string; free: () => Promise<number> }

/** Makes an image of an archive, whose bytes are read by qemu-img in a jail alone: what `rbd` reads is plain. */
export async function importArchive(place: RbdPlace, { uid, sizeBytes, image, work, free }: ImportTarget, archive: Archive, progress: Progress, signal: AbortSignal): Promise<void> {
  const bytes = await archiveBytes(uid, archive)
  if (bytes > sizeBytes) throw new VolumeError('SourceTooLarge', uid, `The uploaded image has ${bytes} bytes, the volume that shall be made of it ${sizeBytes}. Ask for a larger one.`)
  await giveToJails(archive.path)
  const refused = (cause: unknown): never => {
    const error = asVolumeError(uid, cause)
    if (error instanceof WroteTooMuch) throw noRoom(uid, cause)
    if (signal.aborted || !(error instanceof ExecError)) throw error
    throw new VolumeError('Refused', uid, `The uploaded image cannot be read: ${saidBy(error) || 'it takes too much memory or time'}. Check it with "qemu-img check", make it anew, and upload that.`, { cause: error })
  }
  if (archive.format === 'qcow2') await checkArchive(archive.path, signal).catch(refused)
  // Out of the jail's reach: root reads it.
  const plain = join(work, `${uid}.raw`)
  await withJob(join(work, uid), async (job) => {
    const convert = ['convert', '-p', '-f', archive.format, '-O', 'raw', '/0', job.place('raw')]
    // A small archive may hold a large image: what it writes here is everybody's disk.
    const maxStored = Math.min(await free(), await hostRoom(work))
    await jailedQemuImg(convert, { readOnly: [archive.path], job, maxBytes: bytes, maxStored, progress: (part) => progress(part / 2), signal }).catch(refused)
    const needed = await takeFromJail(join(job.folder, 'raw'), plain, sizeBytes).catch((cause: unknown) => {
      throw cause instanceof NoPlainFile ? new VolumeError('Refused', uid, 'The uploaded image cannot be read: what came of it is no image of a disk. Make it anew, and upload that.', { cause }) : cause
    })
    if (needed > (await free())) throw new VolumeError('NoSpace', uid, `The uploaded image takes ${needed} bytes, more than the store has left. Delete volumes or snapshots, or ask the operator for a larger store; it is tried again.`)
    await place.importImage(plain, image, signal)
  }).finally(() => rm(plain, { force: true }))
}

const noRoom = (uid: string, cause: unknown): VolumeError => new VolumeError('NoSpace', uid, 'The uploaded image takes more room than its store, or the disk of the host that unpacks it, has left. Delete volumes or snapshots, or ask the operator for more; it is tried again.', { cause })
