import * as os from 'qjs:os'
import { majorMinor } from '@/guest/devices'
import { readText } from '@/guest/files'
import { mountPointsOf } from '@/guest/volumes/mount-info'

const maxMountInfo = 1024 * 1024

/** Undefined for a disk that is gone. */
export function deviceNumber(disk: string): { major: number; minor: number; rdev: number } | undefined {
  const [status] = os.stat(disk)
  return status ? { ...majorMinor(status.rdev), rdev: status.rdev } : undefined
}

/** Where a process's namespace has the file system of a disk mounted, the last mount first. */
export function mountsOf(pid: number | 'self', disk: string): string[] {
  const device = deviceNumber(disk)
  return device ? mountPointsOf(readText(`/proc/${pid}/mountinfo`, maxMountInfo) ?? '', `${device.major}:${device.minor}`) : []
}
