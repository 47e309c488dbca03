import { GuestError } from '@/guest/errors'
import { listFolder, readNumber, readText } from '@/guest/files'
import { pause } from '@/guest/pause'

const appearMilliseconds = 5_000
const lookMilliseconds = 20
const sectorBytes = 512

/** Of a disk on a SCSI bus: page 0x80 of its vital product data, behind four bytes of a header. */
const scsiSerial = (device: string): string | undefined => readText(`/sys/block/${device}/device/vpd_pg80`, 64)?.slice(4).trim()

/** The block device whose serial is the given one. */
export function diskBySerial(serial: string): string {
  const found = listFolder('/sys/block').find((device) => (readText(`/sys/block/${device}/serial`, 64)?.trim() ?? scsiSerial(device)) === serial)
  if (!found) throw new GuestError('DiskNotFound', 'no disk has this serial', serial)
  return `/dev/${found}`
}

const scsiHost = '0x0008'
/** Whether a controller of SCSI disks was plugged for which the kernel has no driver yet. */
const wantsScsi = (): boolean => listFolder('/sys/bus/virtio/devices').some((device) => readText(`/sys/bus/virtio/devices/${device}/device`, 16)?.trim() === scsiHost)

/** A disk that the host has just plugged shows up when the kernel has handled its ACPI event. `needScsi`: what its kind of bus needs, where it is on one. */
export async function pluggedDisk(serial: string, needScsi: () => Promise<void> = () => Promise.resolve()): Promise<string> {
  for (let waited = 0; ; waited += lookMilliseconds) {
    try {
      return diskBySerial(serial)
    } catch (error) {
      if (waited >= appearMilliseconds) throw error
      if (wantsScsi()) await needScsi()
    }
    await pause(lookMilliseconds)
  }
}

/** How large a block device is now, in bytes. */
export function diskBytes(disk: string): number {
  return readNumber(`/sys/block/${disk.slice('/dev/'.length)}/size`) * sectorBytes
}
