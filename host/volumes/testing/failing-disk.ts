import { chmod, copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '@/platform/exec'

const diskBytes = 96 << 20

/**
 * A disk with ext4 whose writes can be made to fail for a while, as those of a thin pool that is full: a loop device over a file with holes, in memory of which there may be none left. Files can be written all the
 * same, for the page cache takes the bytes; that they were lost is seen when the kernel writes them back. Needs root.
 */
export class FailingDisk {
  private mounted: string[] = []
  private constructor(private readonly base: string) {}

  /** Where its file system is. */
  get folder(): string {
    return join(this.base, 'disk')
  }
  private get behind(): string {
    return join(this.base, 'behind')
  }
  private get filler(): string {
    return join(this.behind, 'filler')
  }
  private get hasLost(): string {
    return join(this.base, 'has-lost')
  }

  static async open(): Promise<FailingDisk> {
    const disk = new FailingDisk(await mkdtemp(join(tmpdir(), 'failing-disk-')))
    try {
      for (const folder of [disk.folder, disk.behind, join(disk.base, 'programs')]) await mkdir(folder)
      await disk.mount(['-t', 'tmpfs', '-o', `size=${2 * diskBytes}`, 'tmpfs', disk.behind])
      await run('truncate', ['--size', String(diskBytes), join(disk.behind, 'image')])
      // All that the file system keeps for itself has its room: what fails is files' bytes alone.
      await run('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', join(disk.behind, 'image')])
      await disk.mountImage('image', disk.folder)
      return disk
    } catch (error) {
      await disk.close()
      throw error
    }
  }

  /** Its journal is written when somebody asks for that, and not by itself while a test lasts. */
  private mountImage(image: string, folder: string): Promise<void> {
    return this.mount(['-o', 'loop,commit=300', join(this.behind, image), folder])
  }

  private async mount(args: readonly string[]): Promise<void> {
    await run('mount', args)
    this.mounted.push(args.at(-1) ?? '')
  }

  /** A store that was closed may still be about to empty its trash. */
  private async unmount(folder: string): Promise<void> {
    const isOut = (): Promise<boolean> => run('umount', [folder]).then(() => true, () => false)
    let out = await isOut()
    for (let tries = 50; !out && tries > 0; tries -= 1) {
      await delay(100)
      out = await isOut()
    }
    // For what it says then.
    if (!out) await run('umount', [folder])
    this.mounted = this.mounted.filter((one) => one !== folder)
  }

  /** What was written before is on it; from now on what needs room of it is lost. */
  async fail(): Promise<void> {
    await run('sync', ['--file-system', this.folder])
    // It ends for want of room: that is what it is for.
    await run('dd', ['if=/dev/zero', `of=${this.filler}`, 'bs=64k']).catch(() => {})
  }

  /** The kernel writes a file back, which fails, and tells somebody else of it than who wrote the file. Then the disk works again. */
  async lose(path: string): Promise<void> {
    await run('sh', ['-c', this.losing, 'lose', path])
  }

  private get losing(): string {
    return `for made; do :; done; /usr/bin/sync --data "$made" 2> /dev/null || touch '${this.hasLost}'; rm -f '${this.filler}'`
  }

  /** Bytes were lost, and the disk works again. */
  async lost(): Promise<boolean> {
    return stat(this.hasLost).then(() => true, () => false)
  }

  /** While `work` lasts, what `cp` has written is lost as by {@link lose} before it ends. */
  async losingCopies<T>(work: () => Promise<T>): Promise<T> {
    const cp = join(this.base, 'programs', 'cp')
    await writeFile(cp, `#!/bin/sh\n/usr/bin/cp "$@" || exit\n${this.losing}\n`)
    await chmod(cp, 0o755)
    const path = process.env.PATH
    process.env.PATH = `${join(this.base, 'programs')}:${path}`
    try {
      return await work()
    } finally {
      process.env.PATH = path
    }
  }

  /** Works from now on, and has nothing in the page cache: nobody may have a file of it open. */
  async mountAnew(): Promise<void> {
    await rm(this.filler, { force: true })
    await this.unmount(this.folder)
    await this.mountImage('image', this.folder)
  }

  /** What would be in the file system had the machine's power failed now. */
  async afterPowerCut<T>(look: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(this.base, 'later')
    await mkdir(folder, { recursive: true })
    await copyFile(join(this.behind, 'image'), join(this.behind, 'later'))
    await this.mountImage('later', folder)
    try {
      return await look(folder)
    } finally {
      await this.unmount(folder)
    }
  }

  async close(): Promise<void> {
    await rm(this.filler, { force: true })
    for (const folder of this.mounted.toReversed()) await this.unmount(folder)
    await rm(this.base, { recursive: true, force: true })
  }
}
