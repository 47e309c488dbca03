import type { AttachVolumeParams } from '@/contracts/guest/v1/volumes'

/** A volume that is attached to this VM. */
export interface AttachedVolume {
  name: string
  serial: string
  /** Its block device, as /dev/…. */
  disk: string
  mode: AttachVolumeParams['mode']
  readOnly: boolean
  /** Where its file system is mounted in the VM. */
  path: string
}

/** How the file system is mounted, in the VM and in containers. A reader never replays the journal: it would write to a disk that others read. */
export function mountOptions({ readOnly }: Pick<AttachedVolume, 'readOnly'>): string {
  return readOnly ? 'ro,noload,noatime,nodev' : 'noatime,nodev,errors=remount-ro'
}
