import { diskBytes } from '@/guest/disks'
import { GuestError } from '@/guest/errors'
import { makeFolder } from '@/guest/files'
import { runScript } from '@/guest/processes'
import { usageOf, type Usage } from '@/guest/volumes/ext4'
import { makingMark, tailBytes, tailOffset } from '@/guest/volumes/layout'
import { mountOptions, type AttachedVolume } from '@/guest/volumes/volume'

const markFailed = 21
const makeFailed = 22

/** As of ext4: the mark is on the disk before the first byte of a file system, and goes after the last one. The prototype says the mode of its root folder alone. */
const makeScript = `
disk=$1 tail=$2
printf '/nothing\\n0 0\\nd--%s 0 0\\n$\\n' "$6" >/run/xfs-root
printf %s "$4" | dd of="$disk" bs=${tailBytes} seek="$tail" conv=notrunc,fsync 2>&1 || exit ${markFailed}
/sbin/mkfs.xfs -q -f -K -d size="$3" -p /run/xfs-root -L "$5" "$disk" 2>&1 || exit ${makeFailed}
dd if=/dev/zero of="$disk" bs=${tailBytes} seek="$tail" count=1 conv=notrunc,fsync 2>&1 || exit ${markFailed}
`

/** mkfs.xfs makes none that is smaller. */
const leastBytes = 300 * 1024 * 1024

/** A label has room for so many bytes. */
const labelBytes = 12

/** Makes an xfs on a disk that holds nothing. Whatever stops it, the next try begins anew. `rootMode`: of its root folder, in octal. */
export async function makeXfs(disk: string, serial: string, rootMode: string): Promise<void> {
  const tail = tailOffset(diskBytes(disk))
  if (tail < leastBytes) throw new GuestError('InvalidRequest', `an xfs needs a volume of 301 MiB, and its disk has ${diskBytes(disk)} bytes: ask for ext4, or for a larger volume`, serial)
  const { exitCode, output } = await runScript(makeScript, [disk, String(tail / tailBytes), String(tail), makingMark, serial.slice(0, labelBytes), rootMode])
  if (exitCode === 0) return
  throw new GuestError(/no space left/i.test(output) ? 'NoSpace' : 'Unavailable', `no file system could be made on the disk of ${serial}, and the next try begins anew: ${output || `code ${exitCode}`}`, serial)
}

const notMounted = 33

const mountScript = `
disk=$1 folder=$2 options=$3
mount -t xfs -o "$options" "$disk" "$folder" 2>&1 || exit ${notMounted}
if [ "$4" = grow ]; then /sbin/xfs_growfs -d "$folder" >/dev/console 2>&1; fi
echo; stat -f -c "%S %b %f" "$folder"
`

const remedy = 'Restore a snapshot of the volume, attach it read-only to save what can be read, or repair a copy: make a volume with volumeMode: Block of a snapshot of it, run xfs_repair in a pod that has that as a device, and make a volume of a snapshot of what came of it'

/** Mounts an xfs for writing, which checks it: the mount itself replays its log. `grow`: to its disk's size. */
export async function mountXfs(volume: AttachedVolume, grow: boolean): Promise<Usage & { repaired: boolean }> {
  const { disk, path, serial } = volume
  makeFolder(path)
  const { exitCode, output } = await runScript(mountScript, [disk, path, mountOptions(volume), grow ? 'grow' : ''])
  if (exitCode !== 0) throw new GuestError('FilesystemDamaged', `the file system cannot be mounted, and was left as it is: ${output}. ${remedy}`, serial)
  return { ...usageOf((output.split('\n').at(-1) ?? '').split(' ')), repaired: false }
}

/** The file system grows to its disk's size. */
export async function growXfs({ disk, path, serial }: AttachedVolume): Promise<Usage> {
  const { exitCode, output } = await runScript('/sbin/xfs_growfs -d "$1" 2>&1 || exit 1; echo; stat -f -c "%S %b %f" "$1"', [path])
  if (exitCode !== 0) throw new GuestError('Unavailable', `the file system did not grow to its disk of ${diskBytes(disk)} bytes: ${output}`, serial)
  return usageOf((output.split('\n').at(-1) ?? '').split(' '))
}
