import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { isRoot } from '@/host/images/jail/jail'
import { VolumeError, type Archive } from '../store'
import { layersGroup } from './jailed-qemu-img'

/** Offsets in the header of a qcow2 (docs/interop/qcow2.txt of QEMU); numbers are big-endian. */
const at = { version: 4, backingOffset: 8, clusterBits: 20, size: 24, encryption: 32, incompatible: 72 } as const
const headerBytes = 104
const magic = 0x5146_49fb
/** Of the incompatible features: left open by its writer, zstd, extended second level. Not: marked as corrupt, data in another file, what is unknown. */
const understood = 0b11001n

/**
 * How many bytes an archive's image says to have. Reads 104 bytes of it and follows nothing. Throws `Refused` for what no volume is made of: another file's name in the header
 * (it would be a file of whoever reads it), encryption, what is cut off or no image.
 */
export async function archiveBytes(object: string, { path, format }: Archive): Promise<number> {
  const refused = (why: string): VolumeError => new VolumeError('Refused', object, `The uploaded image cannot become a volume: ${why}. Make it with "qemu-img convert -O qcow2 IMAGE FILE", and upload that.`)
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const found = await file.stat()
    if (!found.isFile() || found.size === 0) throw refused('it is empty')
    if (format === 'raw') return found.size
    const header = Buffer.alloc(headerBytes)
    await file.read(header, 0, headerBytes, 0)
    if (found.size < headerBytes || header.readUInt32BE(0) !== magic) throw refused('it is no qcow2')
    const version = header.readUInt32BE(at.version)
    if (version !== 2 && version !== 3) throw refused(`it is a qcow2 of version ${version}`)
    if (header.readBigUInt64BE(at.backingOffset) !== 0n) throw refused('it holds only what differs from another image')
    if (header.readUInt32BE(at.encryption) !== 0) throw refused('it is encrypted')
    if (version === 3 && (header.readBigUInt64BE(at.incompatible) & ~understood) !== 0n) throw refused('its data lies in another file, it is damaged, or it needs a newer QEMU')
    const bits = header.readUInt32BE(at.clusterBits)
    if (bits < 9 || bits > 21) throw refused('its header makes no sense')
    const size = header.readBigUInt64BE(at.size)
    if (size === 0n) throw refused('it is empty')
    if (size > 2n ** 46n) throw new VolumeError('SourceTooLarge', object, `The uploaded image says to have ${size} bytes, more than any volume may.`)
    return Number(size)
  } finally {
    await file.close()
  }
}

/** Jails may read the archive; nobody else may. */
export async function giveToJails(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (isRoot) await file.chown(0, layersGroup)
    await file.chmod(0o440)
  } finally {
    await file.close()
  }
}
