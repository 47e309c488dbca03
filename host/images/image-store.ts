import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultPullPolicy, formatReference, parseReference, type ImageReference, type PullPolicy } from '@/domain/image/reference'
import type { Logger } from '@/platform/logger'
import { asImageError, cancelled, ImageError } from './image-error'
import { defaultLimits, type ImageLimits } from './layer/limits'
import { everybody, tenantOf, type ScopedAuth } from './registry/auth-file'
import { sha256, type ImageConfig } from './registry/manifest'
import { RegistryImages, type Pulled, type Resolved } from './registry/registry-images'
import { Skopeo } from './registry/skopeo'
import { sourcesOf, type Mirror, type Source } from './registry/sources'
import { buildSquashfs } from './store/build'
import { Catalogue, type CatalogueImage } from './store/catalogue'
import { FileCheck } from './store/file-digest'
import { Flights } from './store/flights'
import { ImageMaker } from './store/maker'
import { Room } from './store/room'
import type { Listener } from './store/progress'
import { Slots } from './store/slots'
import { Pins } from './store/pins'
import type { Upload } from './upload/import-upload'
import { UploadedImages } from './upload/uploaded-images'

/** Sizes are bytes, times milliseconds. */
export type ImageStoreOptions = {
  /** The store's own folder; one process uses it at a time. */
  dir: string
  /** What a bare image name means. */
  defaultRegistry: string
  /** `host[:port]` of registries reached over plain HTTP or with any certificate. */
  insecureRegistries: readonly string[]
  /** Registries in private networks that tenants may use: all (the default), or those `host[:port]`. */
  privateRegistries?: 'all' | readonly string[]
  /** Asked before the registries that they mirror. */
  mirrors?: readonly Mirror[]
  logger: Logger
  /** What all images together may take; never more than 80 % of the file system. Default: no other bound. */
  maxCacheBytes?: number
  /** What this host's pods name and run: those images stay. Names are as {@link ImageStore.nameOf} gives them. */
  inUse?: () => { names: Iterable<string>; digests: Iterable<string> }
  /** Hears of each image that is gone: it was not used, or it was damaged. */
  onRemoved?: (digest: string) => void
  /** Bytes of an image's layers, packed and unpacked. Default 10 GiB. */
  maxImageBytes?: number
  limits?: Partial<ImageLimits>
  /** Images that come over the network at a time. Default 6, of which one tenant has at most 2. */
  maxConcurrentPulls?: number
  /** Default 2: merging keeps a processor busy.. */
  maxConcurrentMerges?: number
  /** Questions to registries at a time, each a process. Default 8, of which one tenant has at most 3. */
  maxConcurrentResolves?: number
  /** What must stay free on the file system. Default 1 GiB. */
  minFreeBytes?: number
  resolveTimeoutMs?: number
  stallTimeoutMs?: number
  /** What a pull must get on average over each `stallTimeoutMs`. Default 32 KiB. */
  minBytesPerSecond?: number
  pullTimeoutMs?: number
}

/**
 * An image that is ready. `squashfs` is a read-only file; `reference` is what was asked for, in full. `isPublic`: any
 * tenant may use it.
 */
export type StoredImage = { digest: string; reference: string; squashfs: string; sizeBytes: number; config: ImageConfig; isPublic: boolean }

export type EnsureOptions = {
  /** In whose name; '' is the operator's. */
  tenantId?: string
  pullPolicy?: PullPolicy
  /** The tenant's credentials of any registries. */
  credentials?: readonly ScopedAuth[]
  /** The tenant's own archive for this reference: it is used, and no registry asked. */
  upload?: Upload
  /** Others' pulls go first. */
  inBackground?: boolean
  onProgress?: Listener
  signal?: AbortSignal
}

/** What one tenant may have under way at a time. */
const [pullsOfTenant, resolvesOfTenant] = [2, 3]

/** One request in full: what it asks for, and the ways to it. */
type Wanted = { reference: ImageReference; name: string; sources: Source[]; inBackground: boolean; waiter: { tenantId: string; onProgress?: Listener; signal?: AbortSignal } }

/**
 * The images of one host: one squashfs a manifest digest, made by merging the layers as streams. Concurrent requests
 * for one image share one pull. A reference that a registry gave to a tenant's account only is not given from the store
 * to other tenants or accounts before the registry has accepted theirs. Each image's file is checked against its digest before it is
 * given away; a damaged one is removed and pulled anew.
 */
export class ImageStore {
  readonly #resolving = new Flights<Resolved>(() => this.#resolveSlots.look())
  readonly #pulling = new Flights<Pulled>(() => this.#slots.look())
  readonly #check = new FileCheck()
  readonly #pins = new Pins()
  readonly #room: Room
  readonly #slots: Slots
  readonly #resolveSlots: Slots
  readonly #limits: ImageLimits
  readonly #maker: ImageMaker
  readonly #registries: RegistryImages
  readonly #uploads: UploadedImages

  private constructor(
    private readonly options: ImageStoreOptions,
    private readonly catalogue: Catalogue,
  ) {
    const { maxImageBytes = defaultLimits.maxBytes, resolveTimeoutMs = 30_000, stallTimeoutMs = 60_000, minBytesPerSecond = 32 << 10, pullTimeoutMs = 1_800_000 } = options
    this.#limits = { ...defaultLimits, maxBytes: maxImageBytes, ...options.limits }
    const { maxConcurrentPulls = 6, maxConcurrentMerges = 2, maxConcurrentResolves = 8 } = options
    this.#slots = new Slots(maxConcurrentPulls, Math.min(maxConcurrentPulls, pullsOfTenant))
    const mergeSlots = new Slots(maxConcurrentMerges)
    this.#resolveSlots = new Slots(maxConcurrentResolves, Math.min(maxConcurrentResolves, resolvesOfTenant))
    this.#room = new Room(catalogue, {
      dir: options.dir,
      maxCacheBytes: options.maxCacheBytes ?? Infinity,
      minFreeBytes: options.minFreeBytes ?? 2 ** 30,
      log: options.logger,
      isUsed: (digest) => this.#pins.has(digest) || this.#isInUse(digest),
      remove: ({ digest }) => this.remove(digest),
    })
    const skopeo = new Skopeo({ tempDir: catalogue.tempDir, insecureRegistries: options.insecureRegistries, privateRegistries: options.privateRegistries ?? 'all', resolveTimeoutMs, stallTimeoutMs, minBytesPerSecond, pullTimeoutMs })
    this.#maker = new ImageMaker({ catalogue, check: this.#check, pins: this.#pins, room: this.#room, limits: this.#limits, log: options.logger })
    const common = { catalogue, room: this.#room, slots: this.#slots, mergeSlots, maker: this.#maker, limits: this.#limits }
    this.#registries = new RegistryImages({ ...common, resolveSlots: this.#resolveSlots, skopeo, log: options.logger })
    this.#uploads = new UploadedImages({ ...common, pins: this.#pins })
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
  async ensure(text: string, options: EnsureOptions = {}): Promise<StoredImage> {
    const { tenantId = '', credentials = [], upload, inBackground = false, onProgress, signal } = options
    const reference = this.#parse(text)
    const policy = options.pullPolicy ?? defaultPullPolicy(reference)
    const sources = sourcesOf(reference, { tenantId, credentials, mirrors: this.options.mirrors ?? [], salt: this.catalogue.salt })
    const waiter = { tenantId, ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) }
    const wanted: Wanted = { reference, name: formatReference(reference), sources, inBackground, waiter }
    // A second time where the file was found damaged.
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const found = upload ? await this.#uploads.image(wanted, tenantId, upload) : await this.#ofRegistry(wanted, policy)
      try {
        if (await this.#isWhole(found.image)) {
          this.catalogue.touch(found.image.digest)
          onProgress?.({ phase: 'ready' })
          return this.#stored(found.image, wanted.name)
        }
        onProgress?.({ phase: 'damaged' })
      } finally {
        found.release()
      }
    }
    throw new ImageError('internal', 'The image on this host is damaged, and so is the one that was made anew.', "Ask the operator to look at the host's disk.")
  }

  /** A reference in full, as the store calls it; what is no reference stays as it is. */
  nameOf(text: string): string {
    const parsed = parseReference(text, this.options.defaultRegistry)
    return parsed.ok ? formatReference(parsed.value) : text
  }

  /** Removes what is over the bounds and not used by any pod. Returns how many images went. */
  collect(): Promise<number> {
    return this.#room.collect()
  }

  /** Every image on this host, with the references that lead to it. */
  list(): (StoredImage & { references: string[]; createdAt: string; lastUsedAt: string })[] {
    return this.catalogue.images().map((image) => {
      const references = this.catalogue.referencesOf(image.digest)
      return { ...this.#stored(image, references[0] ?? image.digest), references, createdAt: image.createdAt, lastUsedAt: new Date(this.catalogue.lastUsed(image.digest)).toISOString() }
    })
  }

  /** Who may use which image of this host without asking a registry; an empty tenant stands for all. */
  known(): { tenantId: string; reference: string; digest: string; sizeBytes: number }[] {
    return this.catalogue.references().flatMap(([name, { digest, access, shownAs = name }]) => {
      const image = this.catalogue.image(digest)
      return image ? [...new Set(access.map(tenantOf))].map((tenantId) => ({ tenantId, reference: shownAs, digest, sizeBytes: image.sizeBytes })) : []
    })
  }

  get(digest: string): StoredImage | undefined {
    const image = this.catalogue.image(digest)
    return image && this.#stored(image, this.catalogue.referencesOf(digest)[0] ?? digest)
  }

  /** Forgets an image. The caller makes sure that no VM starts from it; one that has it open keeps its bytes. */
  async remove(digest: string): Promise<void> {
    this.#check.forget(this.catalogue.squashfsPath(digest))
    await this.catalogue.removeImage(digest)
    this.options.onRemoved?.(digest)
  }

  /** Adds an image made here from one tar archive, under a reference that then never leads to a registry. */
  async addLocal(text: string, tar: Buffer, config: ImageConfig): Promise<StoredImage> {
    const name = formatReference(this.#parse(text))
    const diffId = sha256(tar)
    const digest = sha256(JSON.stringify({ config, layers: [diffId] }))
    const folder = await this.#maker.temporary()
    try {
      const layer = join(folder, 'layer.tar')
      const squashfs = join(folder, 'image.squashfs')
      let image = this.catalogue.image(digest)
      if (!image || !(await this.#check.holds(this.catalogue.squashfsPath(digest), image.content).catch(() => false))) {
        await writeFile(layer, tar)
        await buildSquashfs(squashfs, [{ path: layer, diffId }], { limits: this.#limits, layerBytes: tar.length })
        image = await this.#maker.publish(squashfs, digest, config)
      }
      await this.catalogue.setReference(name, digest, everybody, { local: true })
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

  #present({ name, sources }: Wanted, policy: PullPolicy): CatalogueImage | undefined {
    const known = this.catalogue.reference(name)
    if (!known || (policy === 'Always' && !known.local)) return undefined
    return known.access.includes(everybody) || sources.some(({ who }) => known.access.includes(who)) ? this.catalogue.image(known.digest) : undefined
  }

  #stored({ digest, sizeBytes, config }: CatalogueImage, reference: string): StoredImage {
    const known = this.catalogue.reference(reference)
    // An upload has the name of what a registry may have given to everybody, and is another image.
    const isPublic = known?.digest === digest && known.access.includes(everybody)
    return { digest, reference, squashfs: this.catalogue.squashfsPath(digest), sizeBytes, config, isPublic }
  }

  #isInUse(digest: string): boolean {
    const used = this.options.inUse?.()
    if (!used) return false
    for (const one of used.digests) if (one === digest) return true
    for (const name of used.names) if (this.catalogue.reference(name)?.digest === digest) return true
    return false
  }

  /** The image of a reference, pinned until `release`. */
  async #ofRegistry(wanted: Wanted, policy: PullPolicy): Promise<{ image: CatalogueImage; release: () => void }> {
    const { reference, name, sources, waiter, inBackground } = wanted
    const present = this.#present(wanted, policy)
    if (present) return { image: present, release: this.#pins.hold(present.digest) }
    if (policy === 'Never') throw notPresent(name)
    if (waiter.signal?.aborted) throw cancelled()
    const whose = sources.map(({ who }) => who).join(' ')
    const resolved = await this.#resolving.join(`${name} ${whose}`, waiter, (report, signal, by) => {
      report({ phase: 'resolving' })
      return this.#registries.resolve(sources, { by, signal, inBackground })
    })
    const release = this.#pins.hold(resolved.digest)
    try {
      const repository = { ...reference, tag: null, digest: resolved.digest }
      const known = this.catalogue.image(resolved.digest)
      const pulled = known
        ? { image: known, who: resolved.source.who }
        : await this.#pulling.join(`${formatReference(repository)} ${whose}`, waiter, (report, signal, by) => this.#registries.pull(sources, resolved, { by, signal, inBackground }, report))
      await this.catalogue.setReference(name, pulled.image.digest, pulled.who).catch((error: unknown) => {
        throw asImageError(error)
      })
      return { image: pulled.image, release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** A mismatch is told and removes the image. One that was made here and nowhere else cannot be pulled anew. */
  async #isWhole(image: CatalogueImage): Promise<boolean> {
    const path = this.catalogue.squashfsPath(image.digest)
    if (await this.#check.holds(path, image.content).catch(() => false)) return true
    this.options.logger.error({ image: image.digest, references: this.catalogue.referencesOf(image.digest) }, 'the file of an image is damaged or lost: removing it, to make it anew')
    const isLocal = this.catalogue.isLocal(image.digest)
    await this.remove(image.digest)
    if (isLocal) throw new ImageError('internal', 'The image that the host made itself is damaged.', 'Ask the operator to restart the agent of the host, which makes it anew, and to look at its disk.')
    return false
  }
}

const notPresent = (name: string): ImageError =>
  new ImageError('not-present', `The image ${name} is not on this host, or not for this tenant, and its pull policy is Never.`, 'Use the pull policy IfNotPresent, pre-pull the image, or choose a host that has it.')
