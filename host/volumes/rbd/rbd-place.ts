import type { z } from 'zod'
import { abortable } from '@/host/hypervisor/templates/abortable'
import { CephFailure, errno, isFailure, isOutOfTime, unless } from './ceph-errors'
import type { CephCommands, CommandOptions } from './ceph-commands'
import { breakDeadLocks } from './fence'
import { diskUsage, imageInfo, imageLines, imageNames, snapshotLines, trashedImages } from './replies'
import type { Turn } from './turns'

/** Names of images: a volume that is whole, one that is being made, and one that is removed and whose snapshots are not. */
export const volumeImage = (uid: string) => `volume-${uid}`
export const makingImage = (uid: string, maker: string) => `making-${uid}-${maker}`
const isMaking = (image: string, uid: string): boolean => image.startsWith(`making-${uid}`)
export const removedImage = (uid: string) => `removed-${uid}`
export const uidOf = (image: string): string | null => /^(?:volume|removed)-([0-9a-f-]{36})$/.exec(image)?.[1] ?? null

/** With exclusive-lock an image has one owner at a time, whom others find; object-map and fast-diff make usage quick to read; deep-flatten lets a clone's snapshots go on without its parent. */
const features = ['layering', 'exclusive-lock', 'object-map', 'fast-diff', 'deep-flatten']

/** Of removed images a call looks at so many: whoever broke out of a VM can make any number. */
const sweptAtOnce = 20
/** What takes long seldom. Milliseconds. */
const fewMinutes = 300_000

/** The images of one tenant: an RBD namespace of a pool. */
export class RbdPlace {
  /** `made`: its namespace. `swept`: the last removed image that was looked at. */
  constructor(
    readonly commands: CephCommands,
    readonly pool: string,
    readonly namespace: string,
    private readonly known: { made?: Promise<void>; swept?: string } = {},
    private readonly signal?: AbortSignal,
  ) {}

  /** The same, whose programs and waits for them end with the signal. */
  until(signal: AbortSignal | undefined): RbdPlace {
    return new RbdPlace(this.commands.until(signal), this.pool, this.namespace, this.known, signal)
  }

  /** The namespace is made when it is first needed. Whoever needs it meanwhile waits for that, so it does not end with the first one's signal. */
  ready(): Promise<void> {
    this.known.made ??= this.commands.until(undefined).rbd(['namespace', 'create', this.path()]).then(() => {}, unless([errno.exists], undefined)).catch((error: unknown) => {
      delete this.known.made
      throw error
    })
    return this.signal ? abortable(this.known.made, this.signal) : this.known.made
  }

  path(image?: string, snapshot?: string): string {
    return [this.pool, this.namespace, ...(image === undefined ? [] : [snapshot === undefined ? image : `${image}@${snapshot}`])].join('/')
  }

  names(): Promise<string[]> {
    return this.commands.rbdJson(imageNames, ['ls', this.path()])
  }

  /** Of images whose removal was begun, with those that were cut off: an image that is removed goes by way of the trash, and is removed once more by its name from there. */
  private async trashed(): Promise<string[]> {
    return (await this.commands.rbdJson(trashedImages, ['trash', 'ls', '--all', this.path()])).map(({ name }) => name)
  }

  /** Images and their snapshots, without those of removed snapshots that clones still need. */
  lines(): Promise<z.infer<typeof imageLines>> {
    return this.commands.rbdJson(imageLines, ['ls', '--long', this.path()])
  }

  info(image: string): Promise<z.infer<typeof imageInfo> | null> {
    return this.commands.rbdJson(imageInfo, ['info', this.path(image)]).catch(unless([errno.notFound], null))
  }

  /** All of them: removed ones that clones need too. */
  snapshots(image: string): Promise<z.infer<typeof snapshotLines>> {
    return this.commands.rbdJson(snapshotLines, ['snap', 'ls', '--all', this.path(image)])
  }

  /** Of an image and its snapshots, or of one snapshot alone: Ceph 16 cannot tell that of an image that was emptied after it. */
  usage(image: string, snapshot?: string): Promise<z.infer<typeof diskUsage>['images']> {
    return this.commands.rbdJson(diskUsage, ['du', this.path(image, snapshot)]).then(({ images }) => images)
  }

  async createImage(image: string, sizeBytes: number): Promise<void> {
    await this.commands.rbd(['create', '--size', `${sizeBytes}B`, ...features.flatMap((feature) => ['--image-feature', feature]), this.path(image)])
  }

  async cloneImage(from: { image: string; snapshot: string }, image: string): Promise<void> {
    await this.commands.rbd(['clone', '--rbd-default-clone-format', '2', ...features.flatMap((feature) => ['--image-feature', feature]), this.path(from.image, from.snapshot), this.path(image)])
  }

  async importImage(file: string, image: string, signal: AbortSignal): Promise<void> {
    await this.commands.rbd(['import', '--no-progress', '--image-format', '2', ...features.flatMap((feature) => ['--image-feature', feature]), file, this.path(image)], { turn: 'long', signal })
  }

  /** What takes the image's lock. */
  private async change(image: string, args: readonly string[], options: CommandOptions): Promise<void> {
    await this.commands.rbd(args, options).catch(async (error: unknown) => {
      if (!isFailure(error, errno.readOnly, errno.busy) || image.startsWith('volume-')) throw error
      // Whatever comes of that: what is told is what could not be done.
      if (!(await breakDeadLocks(this, image).catch(() => false))) throw error
      await this.commands.rbd(args, options)
    })
  }

  async resize(image: string, sizeBytes: number, { shrink = false } = {}): Promise<void> {
    await this.change(image, ['resize', '--no-progress', ...(shrink ? ['--allow-shrink'] : []), '--size', `${sizeBytes}B`, this.path(image)], shrink ? { turn: 'long' } : { timeoutMs: fewMinutes })
  }

  /** Of a removed volume: its snapshots alone have bytes from now on. */
  async empty(image: string): Promise<void> {
    await this.resize(image, 0, { shrink: true })
  }

  async rename(from: string, to: string): Promise<void> {
    await this.commands.rbd(['rename', this.path(from), this.path(to)])
  }

  /** That very one: another one that has its name by now stays. `rbd` takes no `--no-progress` with it, and shows none (tried: 16.2). */
  async removeSnapshot(image: string, id: number): Promise<void> {
    await this.change(image, ['snap', 'rm', '--snap-id', String(id), this.path(image)], { timeoutMs: fewMinutes }).catch(unless([errno.notFound], undefined))
  }

  /** Also of what was only half made, or is not there. A short one goes as far as it comes in a minute. */
  async removeImage(image: string, turn: Turn = 'long'): Promise<void> {
    await this.change(image, ['rm', '--no-progress', this.path(image)], { turn }).catch(unless([errno.notFound], undefined))
  }

  /** What calls that were cut off have left of a volume that was being made. Another host that makes it still has its own open: that is left to it. */
  async removeHalfMade(uid: string, turn: Turn): Promise<void> {
    const names = [...(await this.names()), ...(turn === 'long' ? await this.trashed() : [])]
    for (const image of names.filter((name) => isMaking(name, uid))) await this.removeImage(image, turn).catch(this.later)
  }

  /** Which image has the snapshot; null: none. */
  async imageWith(snapshotUid: string): Promise<{ image: string; sizeBytes: number } | null> {
    const line = (await this.lines()).find((one) => one.snapshot === snapshotUid)
    return line === undefined ? null : { image: line.image, sizeBytes: line.size }
  }

  /** Of removed volumes those that nothing needs any more, `first` before all: some of them, the next time the next ones. What is in use meanwhile, or takes long, is left for then. */
  async sweep(first: string | null = null): Promise<void> {
    const removed = [...(await this.names()), ...(await this.trashed())].filter((name) => name.startsWith('removed-') && uidOf(name) !== null && name !== first).sort()
    const next = Math.max(0, removed.findIndex((name) => name > (this.known.swept ?? '')))
    const some = [...removed.slice(next), ...removed.slice(0, next)].slice(0, sweptAtOnce)
    this.known.swept = some.at(-1) ?? ''
    for (const image of [...(first?.startsWith('removed-') ? [first] : []), ...some]) {
      const kept = await this.snapshots(image).catch(unless([errno.notFound], []))
      if (kept.length === 0) await this.removeImage(image, 'short').catch(this.later)
    }
  }

  private readonly later = (error: unknown): void => {
    if (!(error instanceof CephFailure) || (error.code !== 'Conflict' && !isOutOfTime(error))) throw error
  }
}
