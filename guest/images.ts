import { pluggedDisk } from '@/guest/disks'
import { GuestError } from '@/guest/errors'
import { makeFolder } from '@/guest/files'
import { runScript } from '@/guest/processes'

const mounted = new Map<string, Promise<void>>()

/** Where an image is mounted. */
export function imageFolder(key: string): string {
  return `/run/images/${key}`
}

export function imageKeys(): string[] {
  return [...mounted.keys()]
}

/** Mounts the squashfs of the disk with this serial under a key, once; containers share the mount. */
export function addImage(serial: string, key: string): Promise<void> {
  const before = mounted.get(key)
  if (before) return before
  const mounting = mountImage(serial, key)
  mounted.set(key, mounting)
  mounting.catch(() => mounted.delete(key))
  return mounting
}

async function mountImage(serial: string, key: string): Promise<void> {
  const disk = await pluggedDisk(serial)
  makeFolder(imageFolder(key))
  const { exitCode, output } = await runScript('mount -t squashfs -o ro,nodev "$1" "$2"', [disk, imageFolder(key)])
  if (exitCode !== 0) throw new GuestError('MountFailed', `the image disk cannot be mounted: ${output}`, serial)
}

/** Waits for an image that has been added. */
export async function requireImage(key: string): Promise<void> {
  const mounting = mounted.get(key)
  if (!mounting) throw new GuestError('NotFound', 'the image has not been added', key)
  await mounting
}
