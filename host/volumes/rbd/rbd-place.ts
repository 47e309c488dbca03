import { z } from 'zod'
import { CephFailure, errno, unless } from './ceph-errors'
import { type CephCommands, longCommandMs } from './ceph-commands'
import { diskUsage, imageInfo, imageLines, imageNames, snapshotLines } from './replies'

/** Names of images: a volume that is whole, one that is being made, and one that is removed and whose snapshots are not. */
export const volumeImage = (uid: string) => `volume-${uid}`
export const makingImage = (uid: string, maker: string) => `making-${uid}-${maker}`
const isMaking = (image: string, uid: string): boolean => image.startsWith(`making-${uid}`)
export const removedImage = (uid: string) => `removed-${uid}`
export const uidOf = (image: string): string | null => /^(?:volume|removed)-([0-9a-f-]{36})$/.exec(image)?.[1] ?? null

/** With exclusive-lock an image has one owner at a time, whom others find; object-map and fast-diff make usage quick to read; deep-flatten lets a clone's snapshots go on without its parent. */
const features = ['layering', 'exclusive-lock', 'object-map', 'fast-diff', 'deep-flatten']

/** The images of one tenant: an RBD namespace of a pool. */
export class RbdPlace {
  private made: Promise<void> | undefined

  constructor(readonly commands: CephCommands, readonly pool: string, readonly namespace: string) {}

  /** The namespace is made when it is first needed. */
  ready(): Promise<void> {
    return (this.made ??= this.commands.rbd(['namespace', 'create', this.path()]).then(() => {}, unless([errno.exists], undefined)).catch((error: unknown) => {
      this.made = undefined
      throw error
    }))
  }

  path(image?: string, snapshot?: string): string {
    return [this.pool, this.namespace, ...(image === undefined ? [] : [snapshot === undefined ? image : `${image}@${snapshot}`])].join('/')
  }

  names(): Promise<string[]> {
    return this.commands.rbdJson(imageNames, ['ls', this.path()])
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

  usage(image: string): Promise<z.infer<typeof diskUsage>['images']> {
    return this.commands.rbdJson(diskUsage, ['du', this.path(image)]).then(({ images }) => images)
  }

  async createImage(image: string, sizeBytes: number): Promise<void> {
    await this.commands.rbd(['create', '--size', `${sizeBytes}B`, ...features.flatMap((feature) => ['--image-feature', feature]), this.path(image)])
  }

  async cloneImage(from: { image: string; snapshot: string }, image: string): Promise<void> {
    await this.commands.rbd(['clone', '--rbd-default-clone-format', '2', ...features.flatMap((feature) => ['--image-feature', feature]), this.path(from.image, from.snapshot), this.path(image)])
  }

  async importImage(file: string, image: string, signal: AbortSignal): Promise<void> {
    await this.commands.rbd(['import', '--no-progress', '--image-format', '2', ...features.flatMap((feature) => ['--image-feature', feature]), file, this.path(image)], { timeoutMs: longCommandMs, signal })
  }

  async resize(image: string, sizeBytes: number, { shrink = false } = {}): Promise<void> {
    await this.commands.rbd(['resize', '--no-progress', ...(shrink ? ['--allow-shrink'] : []), '--size', `${sizeBytes}B`, this.path(image)], { timeoutMs: longCommandMs })
  }

  /** Of a removed volume: its snapshots alone have bytes from now on. */
  async empty(image: string): Promise<void> {
    await this.resize(image, 0, { shrink: true })
  }

  async rename(from: string, to: string): Promise<void> {
    await this.commands.rbd(['rename', this.path(from), this.path(to)])
  }

  /** Also of what was only half made, or is not there. */
  async removeImage(image: string): Promise<void> {
    await this.commands.rbd(['rm', '--no-progress', this.path(image)], { timeoutMs: longCommandMs }).catch(unless([errno.notFound], undefined))
  }

  /** What calls that were cut off have left of a volume that was being made. Another host that makes it still has its own open: that is left to it. */
  async removeHalfMade(uid: string): Promise<void> {
    for (const image of (await this.names()).filter((name) => isMaking(name, uid))) await this.removeImage(image).catch(this.later)
  }

  /** Which image has the snapshot; null: none. */
  async imageWith(snapshotUid: string): Promise<{ image: string; sizeBytes: number } | null> {
    const line = (await this.lines()).find((one) => one.snapshot === snapshotUid)
    return line === undefined ? null : { image: line.image, sizeBytes: line.size }
  }

  /** Of removed volumes those that nothing needs any more. What is in use meanwhile is left for the next time. */
  async sweep(): Promise<void> {
    for (const image of (await this.names()).filter((name) => name.startsWith('removed-'))) {
      const kept = await this.snapshots(image).catch(unless([errno.notFound], []))
      if (kept.length === 0) await this.removeImage(image).catch(this.later)
    }
  }

  private readonly later = (error: unknown): void => {
    if (!(error instanceof CephFailure) || error.code !== 'Conflict') throw error
  }
}
