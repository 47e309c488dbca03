/** What a disk holds, as far as its bytes tell. `name`: what it is, for people. */
export type Content = { kind: 'ext4'; fsBytes: number } | { kind: 'xfs'; fsBytes: number } | { kind: 'other'; name: string } | { kind: 'unrecognized' }

/** How many bytes of a disk's beginning {@link contentOf} looks at: all signatures that are known to it lie there. */
export const headBytes = 128 * 1024

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0))

/** Where formats that are not taken for a volume's file system have their signatures. Source: libblkid's superblock and partition probes. */
const others: readonly (readonly [name: string, at: number, signature: readonly number[]])[] = [
  ['btrfs', 0x10040, ascii('_BHRfS_M')],
  ['a LUKS container', 0, [...ascii('LUKS'), 0xba, 0xbe]],
  ['a physical volume of LVM', 512, ascii('LABELONE')],
  ['swap space', 4086, ascii('SWAPSPACE2')],
  ['squashfs', 0, ascii('hsqs')],
  ['an ISO 9660 image', 32769, ascii('CD001')],
  ['f2fs', 1024, [0x10, 0x20, 0xf5, 0xf2]],
  ['NTFS', 3, ascii('NTFS    ')],
  ['exFAT', 3, ascii('EXFAT   ')],
  ['FAT', 82, ascii('FAT32   ')],
  ['FAT', 54, ascii('FAT1')],
  ['a qcow2 image', 0, [...ascii('QFI'), 0xfb]],
  ['a partition table (GPT)', 512, ascii('EFI PART')],
  ['a partition table (MBR) or a boot sector', 510, [0x55, 0xaa]],
]

const superblock = 1024
const magicOffset = superblock + 0x38
const incompatible64Bit = 0x80
const largestLogBlockSize = 6

function has(head: Uint8Array, at: number, signature: readonly number[]): boolean {
  return signature.every((byte, index) => head[at + index] === byte)
}

/** Tells ext2, ext3 and ext4 as ext4: one driver mounts all of them. Source: the kernel's Documentation/filesystems/ext4/super.rst. */
function ext4Bytes(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset + superblock, 1024)
  const is64Bit = (view.getUint32(0x60, true) & incompatible64Bit) !== 0
  const blocks = view.getUint32(0x04, true) + (is64Bit ? view.getUint32(0x150, true) * 2 ** 32 : 0)
  return blocks * 1024 * 2 ** Math.min(view.getUint32(0x18, true), largestLogBlockSize)
}

const xfsSuperblock = 512

/** Its blocks, and how large each is. Source: the kernel's fs/xfs/libxfs/xfs_format.h (struct xfs_dsb), big-endian. */
function xfsBytes(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset, xfsSuperblock)
  return view.getUint32(4) * (view.getUint32(8) * 2 ** 32 + view.getUint32(12))
}

/** Reads a disk's first {@link headBytes}, or fewer of one that is smaller. Its bytes are a tenant's: any are possible. */
export function contentOf(head: Uint8Array): Content {
  if (head.length >= 2 * superblock && has(head, magicOffset, [0x53, 0xef])) return { kind: 'ext4', fsBytes: ext4Bytes(head) }
  if (head.length >= xfsSuperblock && has(head, 0, ascii('XFSB'))) return { kind: 'xfs', fsBytes: xfsBytes(head) }
  const other = others.find(([, at, signature]) => has(head, at, signature))
  return other ? { kind: 'other', name: other[0] } : { kind: 'unrecognized' }
}

/** Whether all of it is zeros. Whole words at a time, for the guest's JavaScript is slow: both the offset and the length are multiples of 4. */
export function isZero(bytes: Uint8Array): boolean {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
  for (let at = 0; at < words.length; at += 1) if (words[at] !== 0) return false
  return true
}
