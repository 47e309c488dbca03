import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asImageError, ImageError, publishAnew, tooLarge } from '../image-error'
import type { ImageLimits } from '../layer/limits'
import type { Listener } from '../store/progress'
import { ArchiveFiles } from './archive-files'
import { readArchiveImage, type ArchiveImage } from './archive-image'

/** An archive that a tenant has uploaded: `digest` and `bytes` are of the file as the server has it. */
export type Upload = {
  id: string
  digest: string
  bytes: number
  /** Gives the archive's bytes; each write resolves when more can be taken. */
  fetch: (write: (chunk: Buffer) => Promise<void>, signal: AbortSignal) => Promise<void>
}

/** What the store calls an upload: a blank makes it a name that no reference can have. */
export const uploadName = (tenantId: string, id: string): string => `upload ${tenantId} ${id}`

/** `makeRoom` is asked before bytes are unpacked to the disk. */
export type Import = { upload: Upload; tenantId: string; reference: string; folder: string; limits: ImageLimits; makeRoom: (bytes: number) => Promise<void>; report: Listener; signal: AbortSignal }

/**
 * Fetches a tenant's archive into `folder`, checks and unpacks it there, and reads its image, whose layers may then be
 * merged. The caller removes the folder. Throws {@link ImageError}; what is wrong with the archive is told as such.
 */
export async function importUpload({ upload, tenantId, reference, folder, limits, makeRoom, report, signal }: Import): Promise<ArchiveImage> {
  if (upload.bytes > limits.maxBytes) throw tooLarge(`The archive has ${upload.bytes} bytes; at most ${limits.maxBytes} are allowed.`)
  const archive = join(folder, 'archive')
  await fetchTo(archive, upload, report, signal)
  try {
    const files = await ArchiveFiles.unpack(archive, folder, { maxBytes: limits.maxBytes, makeRoom }, { signal })
    await rm(archive)
    return await readArchiveImage(files, reference, tenantId, signal)
  } catch (error) {
    if (!(error instanceof ImageError) || error.code !== 'malformed') throw error
    const action = error.action !== publishAnew ? error.action : 'Make it with "docker save" or "skopeo copy … oci-archive:FILE", and upload it again.'
    throw new ImageError('malformed', `The uploaded archive of ${reference} cannot be used. ${error.message}`, action)
  }
}

async function fetchTo(path: string, { digest, bytes, fetch }: Upload, report: Listener, signal: AbortSignal): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let bytesDone = 0
  let told = 0
  report({ phase: 'pulling', bytesDone, bytesTotal: bytes })
  try {
    await fetch(async (chunk) => {
      bytesDone += chunk.length
      if (bytesDone > bytes) throw changed()
      hash.update(chunk)
      await file.writeFile(chunk)
      if (bytesDone - told < 1 << 20) return
      told = bytesDone
      report({ phase: 'pulling', bytesDone, bytesTotal: bytes })
    }, signal)
  } catch (error) {
    const known = error instanceof ImageError || signal.aborted || asImageError(error).code === 'disk-full'
    throw known ? error : new ImageError('unreachable', 'The uploaded archive could not be fetched from the server.', 'It is tried again.', error instanceof Error ? error.message : String(error))
  } finally {
    await file.close()
  }
  if (bytesDone !== bytes || `sha256:${hash.digest('hex')}` !== digest) throw changed()
}

const changed = (): ImageError => new ImageError('unreachable', 'The uploaded archive did not come whole from the server.', 'It is tried again; if it goes on, upload the archive again.')
