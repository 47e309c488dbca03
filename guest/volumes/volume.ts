import type { AttachVolumeParams } from '@/contracts/guest/v1/volumes'

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
  /** Where its file system is mounted in the VM. */
  path: string
}

/** How the file system is mounted, in the VM and in containers. A clone of an xfs has the uuid of what it is one of, and one VM may have both. */
export function mountOptions({ fsType, readOnly }: Pick<AttachedVolume, 'fsType' | 'readOnly'>): string {
  if (fsType === 'xfs') return readOnly ? 'ro,nouuid,noatime,nodev' : 'nouuid,noatime,nodev'
  return readOnly ? 'ro,noatime,nodev' : 'noatime,nodev,errors=remount-ro'
}
