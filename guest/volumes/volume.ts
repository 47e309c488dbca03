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
  /** Whether its file system gives back at once what files leave that are deleted. */
  discard: boolean
  /** Where its file system is mounted in the VM. */
  path: string
}

/** How the file system is mounted, in the VM and in containers. A clone of an xfs has the uuid of what it is one of, and one VM may have both. */
export function mountOptions({ fsType, readOnly, discard }: Pick<AttachedVolume, 'fsType' | 'readOnly' | 'discard'>): string {
  const own = fsType === 'xfs' ? ['nouuid'] : readOnly ? [] : ['errors=remount-ro']
  return [...(readOnly ? ['ro'] : []), ...own, 'noatime', 'nodev', ...(discard && !readOnly ? ['discard'] : [])].join(',')
}
