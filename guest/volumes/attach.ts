import type { AttachVolumeParams, AttachVolumeResult } from '@/contracts/guest/v1/volumes'
import { diskBytes, pluggedDisk } from '@/guest/disks'
import { GuestError } from '@/guest/errors'
import { runScript } from '@/guest/processes'
import { lookAt, type Found } from '@/guest/volumes/disk-reader'
import { makeExt4, mountExt4, usageOf, type Usage } from '@/guest/volumes/ext4'
import { needModules } from '@/guest/volumes/modules'
import { tailBytes } from '@/guest/volumes/layout'
import { populate } from '@/guest/volumes/populate'
import { mountForReading } from '@/guest/volumes/read-mount'
import { takeGroup } from '@/guest/volumes/take-group'
import { errorsOf, type AttachedVolume } from '@/guest/volumes/volume'
import { isWritable } from '@/guest/volumes/writable'
import { makeXfs, mountXfs } from '@/guest/volumes/xfs'

/** A file system that is smaller than its disk by more than what it may leave free itself: its disk has grown meanwhile, or it is the copy of a smaller one. */
const grownBytes = 1024 * 1024

/** A volume that was made for a file system is never another thing; a copy of it may be. */
const asDevice = 'A pod can have a copy as a device: make a volume with volumeMode: Block of a snapshot of it'

/** As an emptyDir a new file system can be written by whatever user an image has; with an fsGroup its group can, and no other. */
const [forAll, forGroup] = ['777', '755']

async function protect(disk: string, serial: string): Promise<void> {
  const { exitCode, output } = await runScript('blockdev --setro "$1" 2>&1', [disk])
  if (exitCode !== 0) throw new GuestError('Unavailable', `the disk cannot be made read-only: ${output}`, serial)
}

/** Whether a file system is to be made. Throws for whatever is not to be touched. */
function needsFilesystem(found: Found, { serial, fsType, format, readOnly }: AttachVolumeParams): boolean {
  if (found.kind === fsType) return false
  if (found.kind === 'ext4' || found.kind === 'xfs') throw new GuestError('FilesystemMismatch', `the disk has ${found.kind} and the pod asks for ${fsType}: nothing was changed. Ask for ${found.kind}, or for a volume that is blank`, serial)
  if (found.kind === 'other') throw new GuestError('UnknownFilesystem', `the disk has ${found.name}, which cannot be mounted as a volume: nothing was changed. ${asDevice}`, serial)
  if (!format) throw new GuestError('FilesystemDamaged', `the volume had a file system, and its disk ${found.kind === 'blank' ? 'is blank' : 'has none that can be recognized'}: nothing was changed. Restore a snapshot of the volume, or look at a copy. ${asDevice}`, serial)
  if (found.kind === 'unrecognized') throw new GuestError('UnknownFilesystem', `the disk holds data without a file system that is known: nothing was changed. ${asDevice}`, serial)
  if (readOnly) throw new GuestError('UnknownFilesystem', 'the volume is blank and is attached for reading alone: attach it for writing once, so that a file system is made', serial)
  return true
}

/** The pod's fsGroup. `always`: see {@link takeGroup}. */
export type FsGroup = { id: number; always: boolean }

/** What could not be filled is not left mounted: the next try begins anew. */
async function fill(volume: AttachedVolume, image: string): Promise<Usage> {
  try {
    await populate(volume, image)
    const { output } = await runScript('stat -f -c "%S %b %f" "$1"', [volume.path])
    return usageOf(output.trim().split(' '))
  } catch (error) {
    await runScript('umount "$1"', [volume.path])
    throw error
  }
}

/** What its group could not be given is not left mounted, as above. */
async function takeOrLeave(volume: AttachedVolume, { id, always }: FsGroup): Promise<void> {
  try {
    await takeGroup(volume, id, always)
  } catch (error) {
    await runScript('umount "$1"', [volume.path])
    throw error
  }
}

const readAlone = async (volume: AttachedVolume): Promise<Usage & { repaired: boolean }> => ({ ...(await mountForReading(volume)), repaired: false })

/** Finds the disk of a volume and makes it a file system that is mounted at `path`, or leaves it a block device. Throws what its contract says. */
export async function attach(params: AttachVolumeParams, path: string, group: FsGroup | null): Promise<{ volume: AttachedVolume; result: AttachVolumeResult }> {
  const began = Date.now()
  const { volume: name, serial, mode, readOnly, fsType, discard = false } = params
  const disk = await pluggedDisk(serial, () => needModules('scsi'))
  if (!readOnly && !isWritable(disk)) throw new GuestError('Conflict', 'the disk can be read alone, and the volume is to be written to: attach it read-only', serial)
  if (readOnly && mode === 'block') await protect(disk, serial)
  const volume: AttachedVolume = { name, serial, disk, mode, fsType, readOnly, discard, errors: 0, path }
  const done = () => ({ device: disk, milliseconds: Date.now() - began })
  if (mode === 'block') return { volume, result: { ...done(), fsType: null, formatted: false, checked: null, fsBytes: 0, usedBytes: 0 } }
  const found = lookAt(disk, serial, !params.format)
  const formatted = needsFilesystem(found, params)
  const make = { ext4: makeExt4, xfs: makeXfs }[fsType]
  const mount = readOnly ? readAlone : { ext4: mountExt4, xfs: mountXfs }[fsType]
  if (fsType === 'xfs') await needModules('xfs')
  if (formatted) await make(disk, serial, group === null ? forAll : forGroup)
  const isGrown = found.kind === fsType && diskBytes(disk) - found.fsBytes > grownBytes + tailBytes
  const { repaired, ...usage } = await mount(volume, isGrown)
  const { fsBytes, usedBytes } = params.populate ? await fill(volume, params.populate.serial) : usage
  if (group && !readOnly) await takeOrLeave(volume, group)
  return { volume: { ...volume, errors: errorsOf(volume) }, result: { ...done(), fsType, formatted, checked: readOnly ? null : repaired ? 'repaired' : 'clean', fsBytes, usedBytes } }
}
