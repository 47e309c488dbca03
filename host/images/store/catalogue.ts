import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Logger } from '@/platform/logger'
import { imageConfigSchema } from '../registry/manifest'
import { publish, writeDurably } from './durable-file'

const imageSchema = z.object({
  digest: z.string().regex(/^sha256:[a-f0-9]{64}$/),
  sizeBytes: z.number().int().nonnegative(),
  /** sha256 of the squashfs, as it was made. */
  content: z.string().regex(/^sha256:[a-f0-9]{64}$/),
  config: imageConfigSchema,
  createdAt: z.iso.datetime(),
})
/** An image on disk. `sizeBytes` is the squashfs' size. */
export type CatalogueImage = z.infer<typeof imageSchema>

const referenceSchema = z.object({
  digest: z.string(),
  /** Made on this host: no registry is ever asked for it. */
  local: z.boolean(),
  /** Fingerprints of tenants with credentials that a registry has accepted for it; '' stands for everybody. */
  access: z.array(z.string()).max(1000),
  /** What people call it, where it is kept under another name: an upload. */
  shownAs: z.string().max(1024).optional(),
})
export type ReferenceRecord = z.infer<typeof referenceSchema>

const referencesSchema = z.object({ salt: z.string().min(32), references: z.record(z.string(), referenceSchema) })

const touchEveryMs = 60_000

/**
 * What lies in the store's folder: `images/HEX.squashfs` with `images/HEX.json` beside it, `references.json` (which
 * reference means which digest), and `tmp/`. An image counts when both its files are there and fit; the JSON is written
 * last. The folder belongs to one process. Images are 0444 in a folder of 0700: readable where they are bind-mounted.
 */
export class Catalogue {
  readonly #images = new Map<string, CatalogueImage>()
  readonly #references = new Map<string, ReferenceRecord>()
  /** When each image was used last, and when that was last written down. Milliseconds since 1970. */
  readonly #used = new Map<string, { at: number; written: number }>()
  #salt = randomBytes(24).toString('hex')
  #saving: Promise<void> = Promise.resolve()

  private constructor(
    private readonly dir: string,
    private readonly log: Logger,
  ) {}

  /** Reads the folder (making it where needed), and removes what was half made. */
  static async open(dir: string, log: Logger): Promise<Catalogue> {
    const catalogue = new Catalogue(dir, log)
    await rm(catalogue.tempDir, { recursive: true, force: true })
    for (const folder of [dir, catalogue.tempDir, catalogue.#imagesDir]) await mkdir(folder, { recursive: true, mode: 0o700 })
    await catalogue.#readImages()
    await catalogue.#readReferences()
    return catalogue
  }

  get tempDir(): string {
    return join(this.dir, 'tmp')
  }
  get salt(): string {
    return this.#salt
  }
  get #imagesDir(): string {
    return join(this.dir, 'images')
  }

  squashfsPath(digest: string): string {
    return join(this.#imagesDir, `${digest.slice('sha256:'.length)}.squashfs`)
  }
  #metadataPath(digest: string): string {
    return join(this.#imagesDir, `${digest.slice('sha256:'.length)}.json`)
  }

  images(): CatalogueImage[] {
    return [...this.#images.values()]
  }
  image(digest: string): CatalogueImage | undefined {
    return this.#images.get(digest)
  }
  reference(name: string): ReferenceRecord | undefined {
    return this.#references.get(name)
  }
  referencesOf(digest: string): string[] {
    return [...this.#references].flatMap(([name, record]) => (record.digest === digest ? [name] : []))
  }

  /** Every reference with what it means. */
  references(): [name: string, record: ReferenceRecord][] {
    return [...this.#references]
  }
  /** References that were made on this host lead to it: no registry could give it again. */
  isLocal(digest: string): boolean {
    for (const record of this.#references.values()) if (record.local && record.digest === digest) return true
    return false
  }
  lastUsed(digest: string): number {
    return this.#used.get(digest)?.at ?? 0
  }

  /** Remembers a use: the metadata's own time keeps it over restarts, written once a minute at most. A lost one costs nothing but the order. */
  touch(digest: string): void {
    const at = Date.now()
    const written = this.#used.get(digest)?.written ?? 0
    const isDue = at - written > touchEveryMs
    this.#used.set(digest, { at, written: isDue ? at : written })
    if (isDue) void utimes(this.#metadataPath(digest), at / 1000, at / 1000).catch(() => {})
  }

  /** Takes a finished, synced squashfs from the temp folder. Of two makers of one image the later replaces the same bytes. */
  async addImage(squashfs: string, image: Omit<CatalogueImage, 'sizeBytes'>): Promise<CatalogueImage> {
    await chmod(squashfs, 0o444)
    const { size } = await stat(squashfs)
    const added = { ...image, sizeBytes: size }
    await publish(squashfs, this.squashfsPath(image.digest))
    await writeDurably(this.#metadataPath(image.digest), `${squashfs}.json`, JSON.stringify(added), 0o600)
    this.#images.set(image.digest, added)
    this.#used.set(image.digest, { at: Date.now(), written: Date.now() })
    return added
  }

  /** Forgets one reference; its image stays. */
  async removeReference(name: string): Promise<void> {
    if (this.#references.delete(name)) await this.#saveReferences()
  }

  /** Remembers what a reference means, and that `access` may use it. A new digest forgets who had access to the old. */
  async setReference(name: string, digest: string, access: string, { local = false, shownAs }: { local?: boolean; shownAs?: string } = {}): Promise<void> {
    const known = this.#references.get(name)
    const kept = known?.digest === digest ? known.access : []
    if (known?.digest === digest && kept.includes(access) && known.local === local) return
    this.#references.set(name, { digest, local, access: [...kept.filter((one) => one !== access).slice(-999), access], ...(shownAs === undefined ? {} : { shownAs }) })
    await this.#saveReferences()
  }

  /** Removes an image and what refers to it. Its file goes last, so that a crash leaves nothing that looks whole. */
  async removeImage(digest: string): Promise<void> {
    this.#images.delete(digest)
    this.#used.delete(digest)
    for (const name of this.referencesOf(digest)) this.#references.delete(name)
    await rm(this.#metadataPath(digest), { force: true })
    await rm(this.squashfsPath(digest), { force: true })
    await this.#saveReferences()
  }

  async #readImages(): Promise<void> {
    const names = await readdir(this.#imagesDir)
    for (const name of names.filter((one) => one.endsWith('.json'))) {
      const read = imageSchema.safeParse(await this.#json(join(this.#imagesDir, name)))
      const size = read.success ? await stat(this.squashfsPath(read.data.digest)).then((found) => found.size, () => -1) : -1
      if (!read.success || size !== read.data.sizeBytes) continue
      this.#images.set(read.data.digest, read.data)
      const at = (await stat(this.#metadataPath(read.data.digest))).mtimeMs
      this.#used.set(read.data.digest, { at, written: at })
    }
    const whole = new Set(this.images().flatMap(({ digest }) => [this.squashfsPath(digest), this.#metadataPath(digest)]))
    for (const name of names.filter((one) => !whole.has(join(this.#imagesDir, one)))) {
      this.log.warn({ file: name }, 'removing a half-made image')
      await rm(join(this.#imagesDir, name), { recursive: true, force: true })
    }
  }

  async #readReferences(): Promise<void> {
    const read = referencesSchema.safeParse(await this.#json(join(this.dir, 'references.json')))
    if (!read.success) return this.#saveReferences()
    this.#salt = read.data.salt
    for (const [name, record] of Object.entries(read.data.references)) {
      if (this.#images.has(record.digest)) this.#references.set(name, record)
    }
  }

  async #json(path: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(path, 'utf8'))
    } catch {
      return undefined
    }
  }

  /** One write after the other, each of the newest state. */
  #saveReferences(): Promise<void> {
    const next = this.#saving.then(() =>
      writeDurably(
        join(this.dir, 'references.json'),
        join(this.tempDir, 'references.json'),
        JSON.stringify({ salt: this.#salt, references: Object.fromEntries(this.#references) }),
        0o600,
      ),
    )
    this.#saving = next.catch(() => {})
    return next
  }
}
