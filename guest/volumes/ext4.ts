import { diskBytes } from '@/guest/disks'
import { GuestError } from '@/guest/errors'
import { makeFolder } from '@/guest/files'
import { runScript } from '@/guest/processes'
import { makingMark, tailBytes, tailOffset } from '@/guest/volumes/layout'
import { mountOptions, type AttachedVolume } from '@/guest/volumes/volume'

const markFailed = 21
const makeFailed = 22

/** The mark is on the disk before the first byte of a file system, and goes after the last one. */
const makeScript = `
disk=$1 tail=$2
printf %s "$4" | dd of="$disk" bs=${tailBytes} seek="$tail" conv=notrunc,fsync 2>&1 || exit ${markFailed}
/sbin/mke2fs -q -F -t ext4 -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_perms=0$6 -L "$5" "$disk" "$3" || exit ${makeFailed}
dd if=/dev/zero of="$disk" bs=${tailBytes} seek="$tail" count=1 conv=notrunc,fsync 2>&1 || exit ${markFailed}
`

/** A label has room for so many bytes. */
const labelBytes = 16

/** Makes an ext4 on a disk that holds nothing. Whatever stops it, the next try begins anew. `rootMode`: of its root folder, in octal. */
export async function makeExt4(disk: string, serial: string, rootMode: string): Promise<void> {
  const tail = tailOffset(diskBytes(disk))
  const { exitCode, output } = await runScript(makeScript, [disk, String(tail / tailBytes), `${tail / 1024}k`, makingMark, serial.slice(0, labelBytes), rootMode])
  if (exitCode === 0) return
  throw new GuestError(/no space left/i.test(output) ? 'NoSpace' : 'Unavailable', `no file system could be made on the disk of ${serial}, and the next try begins anew: ${output || `code ${exitCode}`}`, serial)
}

const damaged = 31
const notChecked = 32
const notMounted = 33

/** One shell for all of it: a process costs more than what it does. Its last line: e2fsck's code, then size and use in blocks. */
const mountScript = `
disk=$1 folder=$2 options=$3 code=0
said=$(/sbin/e2fsck -p "$disk" 2>&1) || code=$?
if [ $code -ge 4 ]; then echo "$said"; [ $code -ge 16 ] && exit ${notChecked}; exit ${damaged}; fi
mount -t ext4 -o "$options" "$disk" "$folder" 2>&1 || exit ${notMounted}
if [ "$4" = grow ]; then /sbin/resize2fs "$disk" >/dev/console 2>&1; fi
echo; stat -f -c "$code %S %b %f" "$folder"
`

export interface Usage {
  fsBytes: number
  usedBytes: number
}

/** Reads what `stat -f -c "%S %b %f"` says. */
export function usageOf(words: readonly string[]): Usage {
  const [blockBytes = 0, blocks = 0, free = 0] = words.map(Number)
  return { fsBytes: blockBytes * blocks, usedBytes: blockBytes * (blocks - free) }
}

const remedy = 'Restore a snapshot of the volume, attach it read-only to save what can be read, or repair a copy: make a volume with volumeMode: Block of a snapshot of it, run e2fsck in a pod that has that as a device, and make a volume of a snapshot of what came of it'

/** Checks a file system and mounts it in the VM, for writing. `grow`: to its disk's size, where that cannot be done it stays as large as it is. */
export async function mountExt4(volume: AttachedVolume, grow: boolean): Promise<Usage & { repaired: boolean }> {
  const { disk, path, serial } = volume
  makeFolder(path)
  const { exitCode, output } = await runScript(mountScript, [disk, path, mountOptions(volume), grow ? 'grow' : ''])
  if (exitCode === damaged) throw new GuestError('FilesystemDamaged', `the file system has damage that is not repaired by itself, and was left as it is: ${output}. ${remedy}`, serial)
  if (exitCode === notChecked) throw new GuestError('Unavailable', `the file system could not be checked, and was not mounted: ${output || 'e2fsck was ended, perhaps for want of memory'}`, serial)
  if (exitCode !== 0) throw new GuestError('FilesystemDamaged', `the file system cannot be mounted: ${output}. ${remedy}`, serial)
  const [code, ...blocks] = (output.split('\n').at(-1) ?? '').split(' ')
  return { ...usageOf(blocks), repaired: code !== '0' }
}

/** The file system grows to its disk's size. */
export async function growExt4({ disk, path, serial }: AttachedVolume): Promise<Usage> {
  const { exitCode, output } = await runScript('/sbin/resize2fs "$1" 2>&1 || exit 1; echo; stat -f -c "%S %b %f" "$2"', [disk, path])
  if (exitCode !== 0) throw new GuestError('Unavailable', `the file system did not grow to its disk of ${diskBytes(disk)} bytes: ${output}`, serial)
  return usageOf((output.split('\n').at(-1) ?? '').split(' '))
}
