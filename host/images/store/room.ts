import { statfs } from 'node:fs/promises'
import type { Logger } from '@/platform/logger'
import { asImageError, cacheFull, diskFull } from '../image-error'
import type { Catalogue, CatalogueImage } from './catalogue'

/** At most this part of the file system is for images, whatever is set. */
const maxShare = 0.8
/** What bytes of unknown count reserve at a time, each step twice the one before: a small image needs little room. Bytes. */
const [firstStepBytes, lastStepBytes] = [1 << 20, 64 << 20]

export type RoomOptions = {
  dir: string
  /** What all images together may take. Bytes. */
  maxCacheBytes: number
  /** What must stay free on the file system. Bytes. */
  minFreeBytes: number
  log: Logger
  /** Images that a pod on this host names or runs, by digest. */
  isUsed: (digest: string) => boolean
  remove: (image: CatalogueImage) => Promise<void>
}

/**
 * Keeps the images within their bounds: what no pod uses goes, the least recently used first. Room for a pull is
 * reserved before its first byte, so that pulls side by side do not count on the same bytes.
 */
export class Room {
  #reserved = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly catalogue: Catalogue,
    private readonly options: RoomOptions,
  ) {}

  /**
   * Makes room for `disk` bytes on the file system, of which `kept` stay as an image. Returns what gives the
   * reservation back. Throws {@link ImageError} disk-full when what may go is not enough; nothing is removed then.
   */
  reserve(disk: number, kept: number): Promise<() => void> {
    return this.#inTurn(async () => {
      const { error } = await this.#collect(disk, kept)
      if (error) throw error
      this.#reserved += disk
      return () => {
        this.#reserved -= disk
        disk = 0
      }
    })
  }

  /**
   * Room for bytes whose count is known only at their end, as unpacked ones are. `take` is called before they are
   * written; when what was reserved `ahead` is used up it reserves in steps. What is written is no longer reserved, for
   * the file system counts it. Both throw {@link ImageError} disk-full.
   */
  growing(kept: number): { ahead: (bytes: number) => Promise<void>; take: (bytes: number) => Promise<void>; release: () => void } {
    let left = 0
    let step = firstStepBytes
    let release = () => {}
    const ahead = async (bytes: number) => {
      release()
      release = await this.reserve(bytes, kept)
      left += bytes
    }
    const take = async (bytes: number) => {
      for (left -= bytes; left < 0; step = Math.min(2 * step, lastStepBytes)) await ahead(step)
    }
    return { ahead, take, release: () => release() }
  }

  /** Removes what is over the bounds, as far as nothing uses it. Returns how many images went. */
  collect(): Promise<number> {
    return this.#inTurn(async () => (await this.#collect(0, 0)).removed)
  }

  /** `error`: what still lacks when nothing more may go. */
  async #collect(disk: number, kept: number): Promise<{ removed: number; error: Error | null }> {
    const { log, isUsed, remove } = this.options
    const before = await this.#lacking(disk, kept)
    if (before.bytes <= 0) return { removed: 0, error: null }
    const may = this.catalogue.images().filter(({ digest }) => !isUsed(digest) && !this.catalogue.isLocal(digest))
    const sum = may.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0)
    // In vain: whoever waits for room gains nothing, and everything would have to be pulled again.
    if (sum < before.bytes && kept > 0) return { removed: 0, error: before.error }
    may.sort((a, b) => this.catalogue.lastUsed(a.digest) - this.catalogue.lastUsed(b.digest))
    let removed = 0
    for (const image of may) {
      if ((await this.#lacking(disk, kept)).bytes <= 0) return { removed, error: null }
      if (isUsed(image.digest)) continue
      await remove(image)
      removed += 1
      log.info({ image: image.digest, bytes: image.sizeBytes }, 'removed an image that no pod uses')
    }
    const after = await this.#lacking(disk, kept)
    return { removed, error: after.bytes > 0 ? after.error : null }
  }

  /** How many bytes must go, and what to say when they cannot. */
  async #lacking(disk: number, kept: number): Promise<{ bytes: number; error: Error }> {
    const { dir, maxCacheBytes, minFreeBytes } = this.options
    const { bavail, blocks, bsize } = await statfs(dir).catch((error: unknown) => {
      throw asImageError(error)
    })
    const limit = Math.min(maxCacheBytes, maxShare * blocks * bsize)
    const total = this.catalogue.images().reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0)
    const overLimit = total + kept - limit
    const missing = disk + this.#reserved + minFreeBytes - bavail * bsize
    if (missing >= overLimit) return { bytes: missing, error: diskFull(`${disk} bytes needed, ${missing} of them are not free`) }
    return { bytes: overLimit, error: cacheFull(`${kept} bytes needed, images have ${total} of ${Math.round(limit)}`) }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work, work)
    this.#turn = next.catch(() => {})
    return next
  }
}
