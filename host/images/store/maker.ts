import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@/platform/logger'
import { asImageError, cancelled } from '../image-error'
import type { ImageLimits } from '../layer/limits'
import type { LayerFile } from '../layer/merge'
import type { ImageConfig } from '../registry/manifest'
import { buildSquashfs } from './build'
import type { Catalogue, CatalogueImage } from './catalogue'
import { fileDigest, type FileCheck } from './file-digest'
import type { Pins } from './pins'
import type { Listener } from './progress'
import type { Room } from './room'
import type { Claim } from './slots'

/** An image in pieces: `layerBytes` is the sum of its layers' files. */
export type Merge = { digest: string; config: ImageConfig; layers: LayerFile[]; layerBytes: number }

/** Makes images of layers that are on disk, whoever gave them, and puts them into the catalogue. */
export class ImageMaker {
  constructor(private readonly parts: { catalogue: Catalogue; check: FileCheck; pins: Pins; room: Room; limits: ImageLimits; log: Logger }) {}

  /** The image of layers on disk; one of the same digest is the same. */
  async merged({ digest, config, layers, layerBytes }: Merge, squashfs: string, claim: Claim, makeRoom: (bytes: number) => Promise<void>, report: Listener): Promise<CatalogueImage> {
    const { signal } = claim
    const same = this.parts.catalogue.image(digest)
    if (same) return same
    await buildSquashfs(squashfs, layers, { limits: this.parts.limits, layerBytes, makeRoom, signal, report })
    return this.publish(squashfs, digest, config)
  }

  /** Makes an image in a folder of its own, which goes in any case. What fails is told to the operator. */
  async built<T>(about: object, signal: AbortSignal, make: (folder: string) => Promise<T>): Promise<T> {
    const began = performance.now()
    const folder = await this.temporary()
    try {
      const made = await make(folder)
      this.parts.log.info({ ...about, ms: Math.round(performance.now() - began) }, 'image made ready')
      return made
    } catch (error) {
      const explained = signal.aborted ? cancelled() : asImageError(error)
      if (explained.code !== 'cancelled') this.parts.log.warn({ ...about, code: explained.code, detail: explained.detail, problem: explained.message }, 'image not made ready')
      throw explained
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  }

  /** Takes a finished squashfs into the catalogue, and removes others where the images are over their bound now. */
  async publish(squashfs: string, digest: string, config: ImageConfig): Promise<CatalogueImage> {
    const content = await fileDigest(squashfs)
    const release = this.parts.pins.hold(digest)
    try {
      const image = await this.parts.catalogue.addImage(squashfs, { digest, content, config, createdAt: new Date().toISOString() })
      await this.parts.check.trust(this.parts.catalogue.squashfsPath(digest), content)
      // The image is here, whatever becomes of others.
      await this.parts.room.collect().catch((error: unknown) => this.parts.log.error({ error }, 'images over their bounds could not be removed'))
      return image
    } finally {
      release()
    }
  }

  /** A folder of the store's own file system. */
  async temporary(): Promise<string> {
    return mkdtemp(join(this.parts.catalogue.tempDir, 'image-')).catch((error: unknown) => {
      throw asImageError(error)
    })
  }
}
