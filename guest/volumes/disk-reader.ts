import * as os from 'qjs:os'
import * as std from 'qjs:std'
import { diskBytes } from '@/guest/disks'
import { GuestError } from '@/guest/errors'
import { makingMark, tailOffset } from '@/guest/volumes/layout'
import { contentOf, headBytes, isZero, type Content } from '@/guest/volumes/probe'

/** A disk whose first and last bytes are zeros has never held a file system: each keeps something in one of them. */
const blankHeadBytes = 1024 * 1024
const smallestDisk = 1024 * 1024
/** Those that a volume may have are known by these; {@link headBytes} are read for all others. */
const superblockBytes = 4096

/** `blank`: nothing was ever written; `halfMade`: the guest was stopped while it made a file system on a blank one. */
export type Found = Content | { kind: 'blank' } | { kind: 'halfMade' }

function readAt(fd: number, offset: number, length: number, serial: string): Uint8Array {
  os.seek(fd, offset, std.SEEK_SET)
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const got = os.read(fd, bytes.buffer, at, length - at)
    if (got < 0) throw new GuestError('Unavailable', `the disk cannot be read: ${std.strerror(-got)}`, serial)
    if (got === 0) throw new GuestError('Unavailable', `the disk ends at byte ${offset + at}, before its size`, serial)
    at += got
  }
  return bytes
}

function isMarked(tail: Uint8Array): boolean {
  return [...makingMark].every((letter, index) => tail[index] === letter.charCodeAt(0))
}

/** Looks what a disk holds; nothing of it is written. `wasMounted`: it had a file system, to which a container may have written whatever the mark is. */
export function lookAt(disk: string, serial: string, wasMounted: boolean): Found {
  const size = diskBytes(disk)
  if (size < smallestDisk) throw new GuestError('InvalidRequest', `a volume has 1 MiB at least, and its disk has ${size} bytes`, serial)
  const fd = os.open(disk, os.O_RDONLY)
  if (fd < 0) throw new GuestError('Unavailable', `the disk cannot be opened: ${std.strerror(-fd)}`, serial)
  try {
    if (!wasMounted && isMarked(readAt(fd, tailOffset(size), makingMark.length, serial))) return { kind: 'halfMade' }
    const quick = contentOf(readAt(fd, 0, superblockBytes, serial))
    if (quick.kind === 'ext4' || quick.kind === 'xfs') return quick
    const content = contentOf(readAt(fd, 0, headBytes, serial))
    if (content.kind !== 'unrecognized') return content
    return isZero(readAt(fd, tailOffset(size), size - tailOffset(size), serial)) && isZero(readAt(fd, 0, blankHeadBytes, serial)) ? { kind: 'blank' } : content
  } finally {
    os.close(fd)
  }
}
