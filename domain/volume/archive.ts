import { formatBytes } from '../shared/quantity'
import { maxVolumeBytes } from './limits'

/** Offsets in the header of a qcow2 (docs/interop/qcow2.txt of QEMU); numbers are big-endian. */
const at = { version: 4, backingOffset: 8, clusterBits: 20, size: 24, encryption: 32, incompatible: 72 } as const
const magic = 0x5146_49fb
/** Of the incompatible features: left open by its writer, zstd, extended second level. Not: marked as corrupt, data in another file, what is unknown. */
const understood = 0b11001n
const sector = 512

/** So much of a file decides what it is. */
export const archiveHeaderBytes = 104

/** A file that a volume can be made of: raw, byte for byte, or qcow2; `virtualBytes`: how many bytes the disk has, as its header says. */
export type VolumeArchive = { format: 'raw' | 'qcow2'; virtualBytes: number }
/** Why no volume can be made of a file; `tooLarge`: for that alone. */
export type ArchiveRefusal = { refusal: string; tooLarge: boolean }

const viewOf = (header: Uint8Array): DataView => new DataView(header.buffer, header.byteOffset, header.byteLength)
export const isQcow2 = (header: Uint8Array): boolean => header.byteLength >= 4 && viewOf(header).getUint32(0) === magic

const refused = (refusal: string, tooLarge = false): ArchiveRefusal => ({ refusal, tooLarge })
const tooLarge = (bytes: bigint | number): ArchiveRefusal => refused(`says to have ${bytes} bytes, more than any volume may: ${formatBytes(maxVolumeBytes)} is the most`, true)

/** What a file is, by its first bytes and its length. What is no qcow2 is raw. Nothing else of it is read, and no other file that its header may name. */
export function readArchive(header: Uint8Array, fileBytes: number): VolumeArchive | ArchiveRefusal {
  if (fileBytes === 0) return refused('it is empty')
  return isQcow2(header) ? readQcow2(header, fileBytes) : readRaw(fileBytes)
}

/** A raw image of a disk has whole sectors: what has not is something else. */
export function readRaw(fileBytes: number): VolumeArchive | ArchiveRefusal {
  if (fileBytes % sector !== 0) return refused(`it is no image of a disk: it is no qcow2, and a raw one has a multiple of ${sector} bytes`)
  return fileBytes > maxVolumeBytes ? tooLarge(fileBytes) : { format: 'raw', virtualBytes: fileBytes }
}

/** Refuses what no volume is made of: another file's name in the header (it would be a file of whoever reads it), encryption, what is cut off or no image. */
export function readQcow2(header: Uint8Array, fileBytes: number): VolumeArchive | ArchiveRefusal {
  if (!isQcow2(header) || header.byteLength < archiveHeaderBytes || fileBytes < archiveHeaderBytes) return refused('it is no qcow2')
  const view = viewOf(header)
  const version = view.getUint32(at.version)
  if (version !== 2 && version !== 3) return refused(`it is a qcow2 of version ${version}`)
  if (view.getBigUint64(at.backingOffset) !== 0n) return refused('it holds only what differs from another image')
  if (view.getUint32(at.encryption) !== 0) return refused('it is encrypted')
  if (version === 3 && (view.getBigUint64(at.incompatible) & ~understood) !== 0n) return refused('its data lies in another file, it is damaged, or it needs a newer QEMU')
  const bits = view.getUint32(at.clusterBits)
  if (bits < 9 || bits > 21) return refused('its header makes no sense')
  const size = view.getBigUint64(at.size)
  if (size === 0n) return refused('it is empty')
  return size > BigInt(maxVolumeBytes) ? tooLarge(size) : { format: 'qcow2', virtualBytes: Number(size) }
}
