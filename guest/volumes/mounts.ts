import * as os from 'qjs:os'
import { majorMinor } from '@/guest/devices'
import { readText } from '@/guest/files'
import { mountsIn, type Mount } from '@/guest/volumes/mount-info'

const maxMountInfo = 1024 * 1024

/** Undefined for a disk that is gone. */
export function deviceNumber(disk: string): { major: number; minor: number; rdev: number } | undefined {
  const [status] = os.stat(disk)
  return status ? { ...majorMinor(status.rdev), rdev: status.rdev } : undefined
}

/** The mounts of the file system of a disk in a process's namespace, the last one first. */
export function allMountsOf(pid: number | 'self', disk: string): Mount[] {
  const device = deviceNumber(disk)
  return device ? mountsIn(readText(`/proc/${pid}/mountinfo`, maxMountInfo) ?? '', `${device.major}:${device.minor}`) : []
}

/** Where they are. */
export const mountsOf = (pid: number | 'self', disk: string): string[] => allMountsOf(pid, disk).map(({ at }) => at)
