import { GuestError } from '@/guest/errors'
import { listFolder, readNumber, readText } from '@/guest/files'
import { pause } from '@/guest/pause'

const appearMilliseconds = 5_000
const lookMilliseconds = 20
const sectorBytes = 512

/** The block device whose virtio serial is the given one. */
export function diskBySerial(serial: string): string {
  const found = listFolder('/sys/block').find((device) => readText(`/sys/block/${device}/serial`, 64)?.trim() === serial)
  if (!found) throw new GuestError('DiskNotFound', 'no disk has this serial', serial)
  return `/dev/${found}`
}

/** A disk that the host has just plugged shows up when the kernel has handled its ACPI event. */
export async function pluggedDisk(serial: string): Promise<string> {
  for (let waited = 0; ; waited += lookMilliseconds) {
    try {
      return diskBySerial(serial)
    } catch (error) {
      if (waited >= appearMilliseconds) throw error
    }
    await pause(lookMilliseconds)
  }
}

/** How large a block device is now, in bytes. */
export function diskBytes(disk: string): number {
  return readNumber(`/sys/block/${disk.slice('/dev/'.length)}/size`) * sectorBytes
}
