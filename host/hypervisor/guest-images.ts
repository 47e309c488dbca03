import { unwatchFile, watchFile } from 'node:fs'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Logger } from '@/platform/logger'
import { retryWaitMs } from './retry-wait'

/** A guest image as its builder names it: in the pointer file, which a host follows. */
export const GuestImage = z.object({
  kernel: z.string().startsWith('/'),
  initramfs: z.string().startsWith('/'),
  version: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
  /** Its bill of materials. */
  sbom: z.string().optional(),
})
export type GuestImage = z.infer<typeof GuestImage>

/** What the host keeps in its folder, for its next run and for the doctor. `running`: VMs by the version of their image. */
export const GuestImageState = z.object({ current: GuestImage, refused: z.string().nullable(), running: z.record(z.string(), z.number()) })
export const guestImageStateFile = 'guest-image.json'

export type GuestImagesOptions = {
  /** The file that names the newest image, replaced in one step; undefined where the image is given once and for all. */
  pointer: string | undefined
  /** The image where there is no pointer. */
  given: GuestImage | undefined
  /** All that the host keeps. */
  folder: string
  hostTag: string
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** How often the pointer is looked at; what failed, and images out of use, at most every 30th time. Default 2 s. */
  everyMs?: number
}

export type Following = {
  /** Boots a VM from an image. Rejects with the cause where it does not come up. */
  tryOut: (image: GuestImage) => Promise<void>
  /** New VMs are of this image from now on. */
  use: (image: GuestImage) => void
  /** The versions of the VMs that run or start. */
  running: () => readonly string[]
  /** The versions that templates are being made from. */
  inMaking: () => readonly string[]
}

const inUseFolder = 'in-use'

/**
 * Which guest image new VMs are of. Another image is taken up while the host runs, once a VM has booted from it; one that
 * does not boot is told and left alone, and the old one serves on. VMs keep theirs until they end; an image that none of
 * this machine's hosts has a VM of any more is removed.
 */
export class GuestImages {
  private looking: Promise<void> = Promise.resolve()
  private refused: { version: string; tries: number; notBefore: number } | undefined
  private following: Following | undefined
  private timer: NodeJS.Timeout | undefined
  private written = ''

  private constructor(
    private readonly options: GuestImagesOptions,
    public current: GuestImage,
  ) {}

  /** Throws with what to do where there is no image. */
  static async open(options: GuestImagesOptions): Promise<GuestImages> {
    const { folder, log, pointer, given } = options
    const pointed = pointer === undefined ? undefined : await readPointer(pointer).catch((error: unknown) => void log.error({ err: error }, `${pointer} names no guest image that can be used`))
    const named = pointed ?? given
    const kept = pointer === undefined ? undefined : await readState(folder)
    // What is newer may have come while no agent ran: it is tried before it is used, as any other.
    if (kept && kept.current.version !== named?.version && (await isThere(kept.current))) {
      const refused = kept.refused !== null && kept.refused === named?.version ? kept.refused : undefined
      if (refused !== undefined) log.error({ refused, current: kept.current.version }, 'the newest guest image did not boot when it was tried: VMs are of the one before until it does')
      return GuestImages.made(options, kept.current, refused)
    }
    if (!named) throw new Error('HYPERNETES_GUEST_IMAGE, or HYPERNETES_GUEST_KERNEL, HYPERNETES_GUEST_INITRAMFS and HYPERNETES_GUEST_VERSION, must name the guest image: npm start makes it and sets them')
    return GuestImages.made(options, named)
  }

  private static async made(options: GuestImagesOptions, image: GuestImage, refused?: string): Promise<GuestImages> {
    const images = new GuestImages(options, image)
    if (refused !== undefined) images.refused = { version: refused, tries: 1, notBefore: performance.now() + retryWaitMs(1) }
    await images.mark(image)
    // On a disk that cannot be written to the agent takes its pods up all the same.
    await images.writeState([]).catch((error: unknown) => options.log.warn({ err: error }, 'the guest image of this host could not be written down'))
    return images
  }

  /** Takes up what the pointer names from now on. */
  follow(following: Following): void {
    this.following = following
    const { pointer, everyMs = 2000 } = this.options
    if (pointer === undefined) return
    watchFile(pointer, { interval: everyMs, persistent: false }, this.changed)
    this.timer = setInterval(() => void this.look(), everyMs * 30)
    this.timer.unref()
    void this.look()
  }

  end(): void {
    if (this.options.pointer !== undefined) unwatchFile(this.options.pointer, this.changed)
    clearInterval(this.timer)
    this.following = undefined
  }

  private readonly changed = () => void this.look()

  /** Looks at the pointer now, and removes images out of use. Never rejects. */
  look(): Promise<void> {
    this.looking = this.looking.then(async () => {
      try {
        await this.takeUp()
        await this.collect()
      } catch (error) {
        this.options.log.error({ err: error }, 'the guest image could not be looked after; it is tried again')
      }
    })
    return this.looking
  }

  private async takeUp(): Promise<void> {
    const { pointer, log } = this.options
    if (pointer === undefined || !this.following) return
    const image = await readPointer(pointer)
    if (image.version === this.current.version) return
    if (this.refused?.version === image.version && performance.now() < this.refused.notBefore) return
    await this.mark(image)
    try {
      await this.following.tryOut(image)
    } catch (error) {
      if (this.following) await this.refuse(image, error)
      return
    }
    // Ended meanwhile.
    if (!this.following) return
    this.refused = undefined
    const before = this.current
    this.current = image
    this.following.use(image)
    await this.writeState(this.following.running())
    log.info({ from: before.version, to: image.version }, 'new VMs are of another guest image; those that run keep theirs until their next start')
  }

  private async refuse(image: GuestImage, error: unknown): Promise<void> {
    const tries = this.refused?.version === image.version ? this.refused.tries + 1 : 1
    const waitMs = retryWaitMs(tries)
    this.refused = { version: image.version, tries, notBefore: performance.now() + waitMs }
    await this.writeState(this.following?.running() ?? [])
    this.options.log.error({ err: error, image: image.version, current: this.current.version, tries }, `the new guest image does not boot: VMs are of the one before, and it is tried again in ${waitMs / 60_000} min. Make another with npm run guest:update, or look at the cause`)
  }

  /** Says, in the image's own folder, that this host uses it. A checkout that cannot be written to keeps all its images. */
  private async mark({ kernel }: GuestImage): Promise<void> {
    const folder = join(dirname(kernel), inUseFolder)
    await mkdir(folder, { recursive: true }).then(() => writeFile(join(folder, this.options.hostTag), this.options.folder)).catch((error: unknown) => this.options.log.warn({ err: error }, 'that a guest image is in use could not be written down; it may be removed by another host of this machine'))
  }

  private async collect(): Promise<void> {
    const { pointer, hostTag, log } = this.options
    if (pointer === undefined || !this.following) return
    const running = this.following.running()
    await this.writeState(running)
    const kept = new Set([this.current.version, (await readPointer(pointer)).version, ...running, ...this.following.inMaking()])
    for (const version of await readdir(dirname(pointer))) {
      const folder = join(dirname(pointer), version)
      const marks = kept.has(version) ? [] : await readdir(join(folder, inUseFolder)).catch(() => [])
      // Without a mark it was never used by a host that leaves any: whoever put it there may still come for it.
      if (marks.length === 0) continue
      await rm(join(folder, inUseFolder, hostTag), { force: true })
      const others = await Promise.all(marks.filter((mark) => mark !== hostTag).map((mark) => isHost(join(folder, inUseFolder, mark))))
      if (others.includes(true)) continue
      await rm(folder, { recursive: true, force: true })
      log.info({ image: version }, 'a guest image that no VM is of any more was removed')
    }
  }

  private async writeState(running: readonly string[]): Promise<void> {
    const counts: Record<string, number> = {}
    for (const version of running) counts[version] = (counts[version] ?? 0) + 1
    const state: z.infer<typeof GuestImageState> = { current: this.current, refused: this.refused?.version ?? null, running: counts }
    const text = JSON.stringify(state)
    if (text === this.written) return
    const target = join(this.options.folder, guestImageStateFile)
    await writeFile(`${target}.draft`, text)
    await rename(`${target}.draft`, target)
    this.written = text
  }
}

/** A host whose folder is gone uses nothing any more. */
async function isHost(mark: string): Promise<boolean> {
  const folder = await readFile(mark, 'utf8').catch(() => '')
  return folder !== '' && access(folder).then(() => true, () => false)
}

const isThere = ({ kernel, initramfs }: GuestImage) => Promise.all([access(kernel), access(initramfs)]).then(() => true, () => false)

async function readPointer(pointer: string): Promise<GuestImage> {
  const image = GuestImage.parse(JSON.parse(await readFile(pointer, 'utf8')))
  if (!(await isThere(image))) throw new Error(`the files of guest image ${image.version} are missing: npm start makes them`)
  return image
}

async function readState(folder: string): Promise<z.infer<typeof GuestImageState> | undefined> {
  try {
    return GuestImageState.parse(JSON.parse(await readFile(join(folder, guestImageStateFile), 'utf8')))
  } catch {
    return undefined
  }
}
