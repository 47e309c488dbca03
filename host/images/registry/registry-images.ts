import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { formatReference } from '@/domain/image/reference'
import type { Logger } from '@/platform/logger'
import { malformed, tooLarge, type ImageError } from '../image-error'
import type { ImageLimits } from '../layer/limits'
import { refuseLargeConfig, verifyImage } from '../store/build'
import type { Catalogue, CatalogueImage } from '../store/catalogue'
import type { ImageMaker } from '../store/maker'
import type { Listener } from '../store/progress'
import type { Room } from '../store/room'
import type { Claim, Slots } from '../store/slots'
import { readManifest, sha256, type Manifest } from './manifest'
import type { Skopeo } from './skopeo'
import { firstOf, type Source } from './sources'

/** What a reference means, and who said so. */
export type Resolved = { digest: string; manifest: Manifest; source: Source }
/** `who` may use the image. */
export type Pulled = { image: CatalogueImage; who: string }

type Parts = { catalogue: Catalogue; room: Room; slots: Slots; mergeSlots: Slots; resolveSlots: Slots; skopeo: Skopeo; maker: ImageMaker; limits: ImageLimits; log: Logger }

/** Images as registries and their mirrors have them: asks what a reference means, and pulls what it means. */
export class RegistryImages {
  constructor(private readonly parts: Parts) {}

  #mirrorFailed({ reference }: Source, { code, message, detail }: ImageError): void {
    this.parts.log.warn({ mirror: reference.registry, code, detail, problem: message }, 'a mirror does not give an image: asking the registry itself')
  }

  /** What a reference means now, by the first of its sources that says it. */
  resolve(sources: readonly Source[], claim: Claim): Promise<Resolved> {
    return this.parts.resolveSlots.run(claim, () => firstOf(sources, (source) => this.#resolve(source, claim.signal), (source, error) => this.#mirrorFailed(source, error)))
  }

  /** From a tag or an index's digest to the manifest for this host. */
  async #resolve(source: Source, signal: AbortSignal): Promise<Resolved> {
    const { reference, auth, isMirror } = source
    const request = { auth, trusted: isMirror, signal }
    const text = await this.parts.skopeo.manifest(reference, request)
    if (reference.digest?.startsWith('sha256:') && sha256(text) !== reference.digest) throw malformed(`The registry gave another manifest than ${reference.digest}.`)
    const read = readManifest(text)
    if ('manifest' in read) return { digest: sha256(text), manifest: read.manifest, source }
    const chosen = await this.parts.skopeo.manifest({ ...reference, tag: null, digest: read.choose }, request)
    if (sha256(chosen) !== read.choose) throw malformed(`The registry gave another manifest than ${read.choose}.`)
    const inner = readManifest(chosen)
    if (!('manifest' in inner)) throw malformed('The image is an index in an index: one index with an entry a platform is read.')
    return { digest: read.choose, manifest: inner.manifest, source }
  }

  /** Pulls from where the manifest came; where that was a mirror, then from what comes after it too. */
  pull(sources: readonly Source[], { digest, manifest, source }: Resolved, claim: Claim, report: Listener): Promise<Pulled> {
    const { signal } = claim
    const layerBytes = manifest.layers.reduce((sum, layer) => sum + layer.size, 0)
    const ways = source.isMirror ? sources.slice(sources.indexOf(source)) : [source]
    report({ phase: 'pulling', bytesDone: 0, bytesTotal: layerBytes })
    return this.parts.slots.run(claim, async () => {
      const known = this.parts.catalogue.image(digest)
      if (known) return { image: known, who: source.who }
      refuseLargeConfig(manifest)
      if (layerBytes > this.parts.limits.maxBytes) throw tooLarge(`The image has ${layerBytes} bytes of layers; at most ${this.parts.limits.maxBytes} are allowed.`)
      return this.parts.maker.built({ image: formatReference(source.reference), digest }, signal, (folder) =>
        firstOf(ways, async (way) => {
          const [packed, image] = [this.parts.room.growing(layerBytes), this.parts.room.growing(layerBytes)]
          const blobs = join(folder, 'blobs')
          try {
            await packed.ahead(layerBytes)
            await image.ahead(layerBytes)
            const squashfs = join(folder, 'image.squashfs')
            const onBytes = (bytesDone: number) => report({ phase: 'pulling', bytesDone: Math.min(bytesDone, layerBytes), bytesTotal: layerBytes })
            await this.parts.skopeo.copy({ ...way.reference, tag: null, digest }, blobs, layerBytes + manifest.config.size, { auth: way.auth, trusted: way.isMirror, signal, onBytes })
            packed.release()
            onBytes(layerBytes)
            return await this.parts.mergeSlots.run(claim, async () => {
              const { config, layers } = await verifyImage(blobs, digest, manifest, signal)
              return { image: await this.parts.maker.merged({ digest, config, layers, layerBytes }, squashfs, claim, image.take, report), who: way.who }
            })
          } finally {
            await rm(blobs, { recursive: true, force: true, maxRetries: 5 })
            packed.release()
            image.release()
          }
        }, (way, error) => this.#mirrorFailed(way, error)))
    })
  }
}
