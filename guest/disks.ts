import * as os from 'qjs:os'
import { GuestError } from '@/guest/errors'
import { listFolder, readNumber, readText } from '@/guest/files'
import { pause } from '@/guest/pause'

const appearMilliseconds = 5_000
const lookMilliseconds = 4
/** Every so many looks all there is is looked at anew: a disk may have come in the place of another. */
const thoroughEvery = 10
const sectorBytes = 512

/** Of a disk on a SCSI bus: page 0x80 of its vital product data, behind four bytes of a header. */
const scsiSerial = (device: string): string | undefined => readText(`/sys/block/${device}/device/vpd_pg80`, 64)?.slice(4).trim()

const serialOf = (device: string): string | undefined => readText(`/sys/block/${device}/serial`, 64)?.trim() ?? scsiSerial(device)

/** The block device whose serial is the given one. `others`: names of those that are not it, to which what is looked at is added; to ask for a serial is a request to the disk itself. */
export function diskBySerial(serial: string, others = new Set<string>()): string {
  for (const device of listFolder('/sys/block')) {
    if (others.has(device)) continue
    const its = serialOf(device)
    if (its === serial) return `/dev/${device}`
    // One that comes just now may not have told it yet.
    if (its) others.add(device)
  }
  throw new GuestError('DiskNotFound', 'no disk has this serial', serial)
}

/** The kernel shows a disk before it can be opened, and shows one that goes for a while when it no longer can (ENXIO). Source: device_add_disk() and del_gendisk() in Linux' block/genhd.c. */
function opens(disk: string): boolean {
  const fd = os.open(disk, os.O_RDONLY)
  if (fd >= 0) os.close(fd)
  return fd >= 0
}

const scsiHost = '0x0008'
/** Whether a controller of SCSI disks was plugged for which the kernel has no driver yet. */
const wantsScsi = (): boolean => listFolder('/sys/bus/virtio/devices').some((device) => readText(`/sys/bus/virtio/devices/${device}/device`, 16)?.trim() === scsiHost)

/**
 * A disk that the host has just plugged shows up when the kernel has handled its ACPI event: the same processor is busy with that, so most looks are cheap ones. `needScsi`: what its
 * kind of bus needs, where it is on one.
 */
export async function pluggedDisk(serial: string, needScsi: () => Promise<void> = () => Promise.resolve()): Promise<string> {
  const others = new Set<string>()
  for (let looks = 0; ; looks += 1) {
    const isThorough = looks % thoroughEvery === 0
    if (isThorough) others.clear()
    try {
      const disk = diskBySerial(serial, others)
      if (opens(disk)) return disk
      throw new GuestError('DiskNotFound', 'a disk has this serial, and cannot be opened', serial)
    } catch (error) {
      if (looks * lookMilliseconds >= appearMilliseconds) throw error
      if (isThorough && wantsScsi()) await needScsi()
    }
    await pause(lookMilliseconds)
  }
}

/** How large a block device is now, in bytes. */
export function diskBytes(disk: string): number {
  return readNumber(`/sys/block/${disk.slice('/dev/'.length)}/size`) * sectorBytes
}
