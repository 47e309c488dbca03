import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultPullPolicy, formatReference, parseReference, type ImageReference, type PullPolicy } from '@/domain/image/reference'
import type { Logger } from '@/platform/logger'
import { asImageError, cancelled, diskFull, ImageError, malformed, tooLarge } from './image-error'
import { defaultLimits, type ImageLimits } from './layer/limits'
import { fingerprint, type RegistryAuth } from './registry/auth-file'
import { readManifest, sha256, type ImageConfig, type Manifest } from './registry/manifest'
import { Skopeo } from './registry/skopeo'
import { buildSquashfs, verifyImage } from './store/build'
import { Catalogue, type CatalogueImage } from './store/catalogue'
import { Flights } from './store/flights'
import type { Listener } from './store/progress'
import { Slots } from './store/slots'

/** Sizes are bytes, times milliseconds. */
export type ImageStoreOptions = {
  /** The store's own folder; one process uses it at a time. */
  dir: string
  /** What a bare image name means. */
  defaultRegistry: string
  /** `host[:port]` of registries reached over plain HTTP or with any certificate. */
  insecureRegistries: readonly string[]
  logger: Logger
  /** Bytes of an image's layers, packed and unpacked. Default 10 GiB. */
  maxImageBytes?: number
  limits?: Partial<ImageLimits>
  /** Default 2: merging keeps a processor busy. */
  maxConcurrentPulls?: number
  /** Questions to registries at a time, each a process. Default 4. */
  maxConcurrentResolves?: number
  /** What must stay free on the file system. Default 1 GiB. */
  minFreeBytes?: number
  resolveTimeoutMs?: number
  stallTimeoutMs?: number
  /** What a pull must get on average over each `stallTimeoutMs`. Default 32 KiB. */
  minBytesPerSecond?: number
  pullTimeoutMs?: number
}

/** An image that is ready. `squashfs` is a read-only file; `reference` is what was asked for, in full. */
export type StoredImage = { digest: string; reference: string; squashfs: string; sizeBytes: number; config: ImageConfig }

export type EnsureOptions = { pullPolicy?: PullPolicy; auth?: RegistryAuth; onProgress?: Listener; signal?: AbortSignal }

type Resolved = { digest: string; manifest: Manifest }

/**
 * The images of one host: one squashfs a manifest digest, made by merging the layers as streams. Concurrent requests
 * for one image share one pull. A reference that a registry gave to one account only is not given from the store to
 * others before the registry has accepted theirs.
 */
export class ImageStore {
  readonly #resolving = new Flights<Resolved>()
  readonly #pulling = new Flights<CatalogueImage>()
  readonly #slots: Slots
  readonly #resolveSlots: Slots
  readonly #limits: ImageLimits
  readonly #skopeo: Skopeo

  private constructor(
    private readonly options: ImageStoreOptions,
    private readonly catalogue: Catalogue,
  ) {
    const { maxImageBytes = defaultLimits.maxBytes, resolveTimeoutMs = 30_000, stallTimeoutMs = 60_000, minBytesPerSecond = 32 << 10, pullTimeoutMs = 1_800_000 } = options
    this.#limits = { ...defaultLimits, maxBytes: maxImageBytes, ...options.limits }
    this.#slots = new Slots(options.maxConcurrentPulls ?? 2)
    this.#resolveSlots = new Slots(options.maxConcurrentResolves ?? 4)
    this.#skopeo = new Skopeo({ tempDir: catalogue.tempDir, insecureRegistries: options.insecureRegistries, resolveTimeoutMs, stallTimeoutMs, minBytesPerSecond, pullTimeoutMs })
  }

  /** Opens the store of a folder and removes what an earlier process left half made. */
  static async open(options: ImageStoreOptions): Promise<ImageStore> {
    return new ImageStore(options, await Catalogue.open(options.dir, options.logger))
  }

  /**
   * Makes an image available and returns it. By Kubernetes' pull policies: Always asks the registry what the tag means
   * and pulls only a digest that is new; IfNotPresent asks no registry for a reference that is known; Never asks none.
   * Without a policy Kubernetes' default holds. Throws {@link ImageError}.
   */
  async ensure(text: string, { pullPolicy, auth, onProgress, signal }: EnsureOptions = {}): Promise<StoredImage> {
    const reference = this.#parse(text)
    const name = formatReference(reference)
    const policy = pullPolicy ?? defaultPullPolicy(reference)
    const who = fingerprint(auth, this.catalogue.salt)
    const present = this.#present(name, who, policy)
    if (present) {
      onProgress?.({ phase: 'ready' })
      return this.#stored(present, name)
    }
    if (policy === 'Never') {
      throw new ImageError('not-present', `The image ${name} is not on this host, and its pull policy is Never.`, 'Use the pull policy IfNotPresent, or a host that has the image.')
    }
    if (signal?.aborted) throw cancelled()
    const resolved = await this.#resolving.join(`${name} ${who}`, { onProgress, signal }, (report, shared) => {
      report({ phase: 'resolving' })
      return this.#resolveSlots.run(shared, () => this.#resolve(reference, auth, shared))
    })
    const repository = { ...reference, tag: null, digest: resolved.digest }
    const image =
      this.catalogue.image(resolved.digest) ??
      (await this.#pulling.join(`${formatReference(repository)} ${who}`, { onProgress, signal }, (report, shared) => this.#pull(repository, resolved, auth, report, shared)))
    await this.catalogue.setReference(name, image.digest, who).catch((error: unknown) => {
      throw asImageError(error)
    })
    onProgress?.({ phase: 'ready' })
    return this.#stored(image, name)
  }

  /** Every image on this host, with the references that lead to it. */
  list(): (StoredImage & { references: string[]; createdAt: string })[] {
    return this.catalogue.images().map((image) => {
      const references = this.catalogue.referencesOf(image.digest)
      return { ...this.#stored(image, references[0] ?? image.digest), references, createdAt: image.createdAt }
    })
  }

  get(digest: string): StoredImage | undefined {
    const image = this.catalogue.image(digest)
    return image && this.#stored(image, this.catalogue.referencesOf(digest)[0] ?? digest)
  }

  /** Forgets an image. The caller makes sure that no VM starts from it; one that has it open keeps its bytes. */
  async remove(digest: string): Promise<void> {
    await this.catalogue.removeImage(digest)
  }

  /** Adds an image made here from one tar archive, under a reference that then never leads to a registry. */
  async addLocal(text: string, tar: Buffer, config: ImageConfig): Promise<StoredImage> {
    const name = formatReference(this.#parse(text))
    const diffId = sha256(tar)
    const digest = sha256(JSON.stringify({ config, layers: [diffId] }))
    const folder = await this.#temporary()
    try {
      const layer = join(folder, 'layer.tar')
      const squashfs = join(folder, 'image.squashfs')
      const known = this.catalogue.image(digest)
      if (!known) {
        await writeFile(layer, tar)
        await buildSquashfs(squashfs, [{ path: layer, diffId }], { limits: this.#limits, layerBytes: tar.length })
      }
      const image = known ?? (await this.catalogue.addImage(squashfs, { digest, config, createdAt: new Date().toISOString() }))
      await this.catalogue.setReference(name, digest, '', true)
      return this.#stored(image, name)
    } catch (error) {
      throw asImageError(error)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  #parse(text: string): ImageReference {
    const parsed = parseReference(text, this.options.defaultRegistry)
    if (parsed.ok) return parsed.value
    throw new ImageError('invalid-reference', `The image's name is not valid: ${parsed.message}.`, 'Write registry/name:tag or registry/name@sha256:….')
  }

  #present(name: string, who: string, policy: PullPolicy): CatalogueImage | undefined {
    const known = this.catalogue.reference(name)
    if (!known || (policy === 'Always' && !known.local)) return undefined
    return known.access.includes('') || known.access.includes(who) ? this.catalogue.image(known.digest) : undefined
  }

  #stored({ digest, sizeBytes, config }: CatalogueImage, reference: string): StoredImage {
    return { digest, reference, squashfs: this.catalogue.squashfsPath(digest), sizeBytes, config }
  }

  /** From a tag or an index's digest to the manifest for linux/amd64. */
  async #resolve(reference: ImageReference, auth: RegistryAuth | undefined, signal: AbortSignal): Promise<Resolved> {
    const text = await this.#skopeo.manifest(reference, { auth, signal })
    if (reference.digest?.startsWith('sha256:') && sha256(text) !== reference.digest) throw malformed(`The registry gave another manifest than ${reference.digest}.`)
    const read = readManifest(text)
    if ('manifest' in read) return { digest: sha256(text), manifest: read.manifest }
    const chosen = await this.#skopeo.manifest({ ...reference, tag: null, digest: read.choose }, { auth, signal })
    const inner = readManifest(chosen)
    if (sha256(chosen) !== read.choose || !('manifest' in inner)) throw malformed(`The registry gave another manifest than ${read.choose}.`)
    return { digest: read.choose, manifest: inner.manifest }
  }

  #pull(reference: ImageReference, { digest, manifest }: Resolved, auth: RegistryAuth | undefined, report: Listener, signal: AbortSignal): Promise<CatalogueImage> {
    const layerBytes = manifest.layers.reduce((sum, layer) => sum + layer.size, 0)
    report({ phase: 'pulling', bytesDone: 0, bytesTotal: layerBytes })
    return this.#slots.run(signal, async () => {
      const known = this.catalogue.image(digest)
      if (known) return known
      if (layerBytes > this.#limits.maxBytes) throw tooLarge(`The image has ${layerBytes} bytes of layers; at most ${this.#limits.maxBytes} are allowed.`)
      const began = performance.now()
      const folder = await this.#temporary()
      try {
        await this.#expectSpace(2 * layerBytes)
        const blobs = join(folder, 'blobs')
        const squashfs = join(folder, 'image.squashfs')
        const onBytes = (bytesDone: number) => report({ phase: 'pulling', bytesDone: Math.min(bytesDone, layerBytes), bytesTotal: layerBytes })
        await this.#skopeo.copy(reference, blobs, layerBytes + manifest.config.size, { auth, signal, onBytes })
        onBytes(layerBytes)
        const { config, layers } = await verifyImage(blobs, digest, manifest, signal)
        const dropped = await buildSquashfs(squashfs, layers, { limits: this.#limits, layerBytes, signal, report })
        const image = await this.catalogue.addImage(squashfs, { digest, config, createdAt: new Date().toISOString() })
        this.options.logger.info({ image: formatReference(reference), bytes: image.sizeBytes, dropped, ms: Math.round(performance.now() - began) }, 'image pulled')
        return image
      } catch (error) {
        const explained = signal.aborted ? cancelled() : asImageError(error)
        if (explained.code !== 'cancelled') this.options.logger.warn({ image: formatReference(reference), code: explained.code, detail: explained.detail, problem: explained.message }, 'image not pulled')
        throw explained
      } finally {
        await rm(folder, { recursive: true, force: true, maxRetries: 5 })
      }
    })
  }

  async #temporary(): Promise<string> {
    return mkdtemp(join(this.catalogue.tempDir, 'image-')).catch((error: unknown) => {
      throw asImageError(error)
    })
  }

  /** Fails before the first byte where the copy and the merged image cannot both fit. */
  async #expectSpace(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.options.dir)
    const free = bavail * bsize - (this.options.minFreeBytes ?? 2 ** 30)
    if (free < bytes) throw diskFull(`${bytes} bytes needed, ${Math.max(0, free)} free`)
  }
}
