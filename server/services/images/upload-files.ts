import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rm, rename, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { maxUploadBytes } from '@/domain/image/upload'
import { DomainError } from '@/domain/shared/errors'

const partial = '.part'
/** What must stay free for everything else that is kept beside uploads, and what is enough of it whatever part of the disk that is. Bytes. */
const [minFreeBytes, enoughFreeBytes] = [2 ** 30, 20 * 2 ** 30]
const checkEveryBytes = 64 << 20
/** What a sender must send on average: few may send at a time, and one that drips would hold a place for ever. */
const [minBytesPerSecond, windowMs] = [8 << 10, 60_000]

export const uploadPath = (data: string, id: string): string => join(data, 'uploads', id)

/** `beginning`: its first bytes, 512 at least where it has as many. */
export type ReceivedFile = { id: string; digest: string; bytes: number; beginning: Buffer }

/** What comes in: how many bytes of it at most, how it must begin (`check` throws), which part of the disk stays free (up to 20 GiB), and what is said of too much of it, or of more than the tenant may have. */
export type UploadKind = { maxBytes: number; freePart: number; check: (beginning: Buffer) => void; tooLarge: () => DomainError; overQuota: () => DomainError }

/**
 * Writes an upload's bytes as they come, into a file that no row speaks of yet. `maxBytes` is what the tenant may still
 * have; `now` gives milliseconds. Nothing is left when it throws. What is inside is for hosts to judge: here it only must begin as its kind does.
 */
export async function receiveFile(data: string, body: Readable, maxBytes: number, now: () => number = () => performance.now(), kind: UploadKind = imageArchive): Promise<ReceivedFile> {
  const id = randomUUID()
  const folder = join(data, 'uploads')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${id}${partial}`)
  const file = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let bytes = 0
  let checked = -checkEveryBytes
  let beginning: Buffer = Buffer.alloc(0)
  let window = { at: now(), bytes: 0 }
  try {
    // A sender that is refused half way must be told so: to end the reading by itself would destroy the request.
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      const part = toBuffer(chunk)
      bytes += part.length
      if (bytes > kind.maxBytes) throw kind.tooLarge()
      if (bytes > maxBytes) throw kind.overQuota()
      const ms = now() - window.at
      if (ms >= windowMs) {
        if (bytes - window.bytes < (minBytesPerSecond * ms) / 1000) throw tooSlow()
        window = { at: now(), bytes }
      }
      if (beginning.length < 512) {
        beginning = Buffer.concat([beginning, part.subarray(0, 512)])
        if (beginning.length >= 512) kind.check(beginning)
      }
      if (bytes - checked >= checkEveryBytes) {
        await assertSpace(folder, kind.freePart)
        checked = bytes
      }
      hash.update(part)
      await file.writeFile(part)
    }
    if (beginning.length < 512) kind.check(beginning)
    await file.sync()
    await rename(path, uploadPath(data, id))
    await syncFolder(folder)
  } catch (error) {
    for (const left of [path, uploadPath(data, id)]) await rm(left, { force: true })
    if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) throw noSpace(error)
    throw error
  } finally {
    await file.close()
  }
  return { id, digest: `sha256:${hash.digest('hex')}`, bytes, beginning }
}

/** A row names the file as soon as it is received: its name is to outlive a power cut as its bytes do. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Removes what an earlier process left: parts, and files whose rows were never written or are gone. */
export async function removeStrayFiles(data: string, ids: readonly string[]): Promise<void> {
  const known = new Set(ids)
  const folder = join(data, 'uploads')
  for (const name of await readdir(folder).catch(() => [])) if (!known.has(name)) await rm(join(folder, name), { force: true })
}

function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  throw new TypeError('an upload is read as bytes')
}

/** tar has its magic at 257 (POSIX and GNU), gzip and zstd at the beginning. */
function assertArchive(beginning: Buffer): void {
  const isTar = beginning.toString('latin1', 257, 262) === 'ustar'
  const isGzip = beginning[0] === 0x1f && beginning[1] === 0x8b
  const isZstd = beginning.length >= 4 && beginning.readUInt32LE(0) === 0xfd2fb528
  if (!isTar && !isGzip && !isZstd) throw new DomainError('invalid_input', 'The file is no tar archive: send what "docker save" or "skopeo copy … oci-archive:FILE" writes, packed with gzip or not.')
}

/** How many bytes of a disk of `totalBytes` must be free for more of an upload to be written. */
export const leastFree = (totalBytes: number, part: number): number => Math.max(minFreeBytes, Math.min(totalBytes * part, enoughFreeBytes))

async function assertSpace(folder: string, part: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder)
  if (bavail * bsize < leastFree(blocks * bsize, part)) throw noSpace()
}

export const tooLarge = (): DomainError => new DomainError('failed_precondition', 'The archive has more than 10 GiB: upload a smaller image.')
export const overQuota = (): DomainError => new DomainError('failed_precondition', 'The tenant’s uploads would have more than 50 GiB together: delete some that are not needed.')
export const imageArchive: UploadKind = { maxBytes: maxUploadBytes, freePart: 0, check: assertArchive, tooLarge, overQuota }
const tooSlow = (): DomainError => new DomainError('failed_precondition', `The archive came at less than ${minBytesPerSecond >> 10} KiB/s: send it again over a faster line.`)
const noSpace = (cause?: unknown): DomainError => new DomainError('unavailable', 'The server has no disk space left for uploads: ask the operator to free some.', { cause })
