import type { FileHandle } from 'node:fs/promises'
import { ImageError } from './image-error'

/** Of squashfs 4.0: offsets of the superblock's fields, and what a block of the table of owners holds at most. */
const [superblockBytes, magic, countAt, tableAt, blockIds, uncompressed] = [96, 0x73717368, 26, 48, 2048, 0x8000]

/**
 * Gives to root what a squashfs says to belong to `uid`. sqfstar 4.5 gives the root directory to whoever runs it, and it runs
 * under an account of a jail. Owners stand in one table, which must not be compressed (-noId).
 */
export async function giveToRoot(file: FileHandle, uid: number): Promise<void> {
  const superblock = await bytesAt(file, 0, superblockBytes)
  if (superblock.readUInt32LE(0) !== magic) throw unexpected('it has no magic')
  const count = superblock.readUInt16LE(countAt)
  const pointers = await bytesAt(file, Number(superblock.readBigUInt64LE(tableAt)), 8 * Math.ceil(count / blockIds))
  for (let first = 0, block = 0; first < count; first += blockIds, block += 1) {
    const at = Number(pointers.readBigUInt64LE(8 * block))
    const bytes = 4 * Math.min(blockIds, count - first)
    if ((await bytesAt(file, at, 2)).readUInt16LE(0) !== (bytes | uncompressed)) throw unexpected('its table of owners is compressed')
    const ids = await bytesAt(file, at + 2, bytes)
    for (let i = 0; i < bytes; i += 4) if (ids.readUInt32LE(i) === uid) ids.writeUInt32LE(0, i)
    await file.write(ids, 0, bytes, at + 2)
  }
}

async function bytesAt(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at)
  if (bytesRead !== bytes) throw unexpected('it is too short')
  return buffer
}

const unexpected = (why: string): ImageError => new ImageError('internal', 'The host could not write the image.', 'Ask the operator to look into the log of the host.', `the squashfs of sqfstar cannot be read: ${why}`)
