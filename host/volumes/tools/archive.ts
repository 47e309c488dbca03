import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { archiveHeaderBytes, readQcow2 } from '@/domain/volume/archive'
import { isRoot } from '@/host/images/jail/jail'
import { VolumeError, type Archive } from '../store'
import { layersGroup } from './jailed-qemu-img'

/**
 * How many bytes an archive's image says to have. Reads 104 bytes of it and follows nothing. Throws `Refused` for what no volume is made of: another file's name in the header
 * (it would be a file of whoever reads it), encryption, what is cut off or no image.
 */
export async function archiveBytes(object: string, { path, format }: Archive): Promise<number> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const found = await file.stat()
    if (!found.isFile() || found.size === 0) throw refusedAs(object, 'it is empty')
    if (format === 'raw') return found.size
    const header = Buffer.alloc(archiveHeaderBytes)
    await file.read(header, 0, archiveHeaderBytes, 0)
    const read = readQcow2(header, found.size)
    if (!('refusal' in read)) return read.virtualBytes
    throw read.tooLarge ? new VolumeError('SourceTooLarge', object, `The uploaded image ${read.refusal}.`) : refusedAs(object, read.refusal)
  } finally {
    await file.close()
  }
}

const refusedAs = (object: string, why: string): VolumeError => new VolumeError('Refused', object, `The uploaded image cannot become a volume: ${why}. Make it with "qemu-img convert -O qcow2 IMAGE FILE", and upload that.`)

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
