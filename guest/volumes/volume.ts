import * as os from 'qjs:os'
import type { AttachVolumeParams } from '@/contracts/guest/v1/volumes'
import { readNumber } from '@/guest/files'

/** A volume that is attached to this VM. */
export interface AttachedVolume {
  name: string
  serial: string
  /** Its block device, as /dev/…. */
  disk: string
  mode: AttachVolumeParams['mode']
  /** Of mode block nothing follows from it. */
  fsType: AttachVolumeParams['fsType']
  readOnly: boolean
  /** Whether its file system gives back at once what files leave that are deleted. */
  discard: boolean
  /** What {@link errorsOf} said when it was mounted. */
  errors: number
  /** Why what programs wrote to it could not be written out. Kept until it is detached: the kernel says it once. */
  notWritten?: string
  /** Where its file system is mounted in the VM. */
  path: string
}

/** How the file system is mounted, in the VM and in containers. A clone of an xfs has the uuid of what it is one of, and one VM may have both. */
export function mountOptions({ fsType, readOnly, discard }: Pick<AttachedVolume, 'fsType' | 'readOnly' | 'discard'>): string {
  const own = fsType === 'xfs' ? ['nouuid'] : readOnly ? [] : ['errors=remount-ro']
  return [...(readOnly ? ['ro'] : []), ...own, 'noatime', 'nodev', ...(discard && !readOnly ? ['discard'] : [])].join(',')
}

/** How many errors the kernel has found in a mounted ext4. 0 of another file system. */
export function errorsOf({ disk, fsType }: Pick<AttachedVolume, 'disk' | 'fsType'>): number {
  return fsType === 'ext4' ? readNumber(`/sys/fs/ext4/${disk.slice('/dev/'.length)}/errors_count`) : 0
}

/**
 * Whether nobody can write any more to what was mounted for writing: an ext4 after one more error (errors=remount-ro), an xfs whose log could not be written, which says nothing of its root folder either. Not every kernel shows it
 * among its mounts.
 */
export function isHalted(volume: AttachedVolume): boolean {
  if (volume.mode === 'block' || volume.readOnly) return false
  return errorsOf(volume) > volume.errors || os.stat(volume.path)[1] !== 0
}
