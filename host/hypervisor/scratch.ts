import { open, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@/platform/exec'
import { maxScratchBytes } from './hypervisor-settings'
import { VmError } from './machine'
import { readSparse, writeSparse, type SparseContent } from './sparse-file'

const minScratchBytes = 32 * 2 ** 20
const blockBytes = 2 ** 20
/** What is kept in memory of an empty disk; one of 10 GiB holds 160 kB, one of 1 TiB some MiB. */
const mostKeptBytes = 2 ** 20
/** Of so many sizes beside the default one, those used last, are kept prepared: tenants choose sizes. */
const mostKept = 8

/** A file with an empty file system, and what it holds; null where that is much. */
type EmptyDisk = { file: string; content: SparseContent | null }

/** Makes pods' scratch disks: copies of one prepared, empty ext4 file a size, which takes a millisecond and next to no space. */
export class ScratchDisks {
  /** By size, the one used last at the end. `users`: who copies it, or waits until it is made. */
  private readonly prepared = new Map<number, { disk: Promise<EmptyDisk>; users: number }>()
  /** By size: it is not made anew before the old one is gone. */
  private readonly removals = new Map<number, Promise<void>>()

  /** `dir` keeps the prepared files; `defaultBytes` is the size of a disk for which none is asked, a multiple of 1 MiB. */
  constructor(
    private readonly dir: string,
    private readonly defaultBytes: number,
  ) {}

  /** Makes the prepared file of the default size now, rather than for the first pod, and removes those that an agent before has left. Throws ExecError where mkfs.ext4 fails. */
  async prepare(): Promise<void> {
    await this.use(this.defaultBytes, async () => {})
    for (const name of await readdir(this.dir)) {
      const size = Number(/^empty-(\d+)\.ext4(?:\.draft)?$/.exec(name)?.[1])
      if (Number.isInteger(size) && !this.prepared.has(size)) await this.remove(size)
    }
  }

  /**
   * A new, empty disk for a pod at `target`, which is replaced; its size is rounded up to 1 MiB. Throws VmError for a
   * size out of bounds, ExecError or the file system's error where the disk cannot be written.
   */
  async create(target: string, sizeBytes = this.defaultBytes): Promise<void> {
    const size = Math.ceil(sizeBytes / blockBytes) * blockBytes
    if (!(size >= minScratchBytes && size <= maxScratchBytes)) throw new VmError(`a scratch disk of ${sizeBytes} bytes is not within ${minScratchBytes} and ${maxScratchBytes}`)
    await this.use(size, async ({ file, content }) => {
      try {
        await (content ? writeSparse(target, content) : run('cp', ['--sparse=always', '--reflink=auto', '--', file, target]))
      } catch (error) {
        await rm(target, { force: true })
        throw error
      }
    })
  }

  /** The prepared file of a size stays until this is done with it; others may go for it. */
  private async use(size: number, work: (disk: EmptyDisk) => Promise<void>): Promise<void> {
    const prepared = this.prepared.get(size) ?? this.begin(size)
    this.prepared.delete(size)
    this.prepared.set(size, prepared)
    prepared.users += 1
    try {
      await work(await prepared.disk)
    } finally {
      prepared.users -= 1
      const idle = [...this.prepared].filter(([other, { users }]) => users === 0 && other !== this.defaultBytes)
      for (const [other] of idle.slice(0, -mostKept)) void this.remove(other)
    }
  }

  private begin(size: number) {
    const prepared = { disk: this.make(size), users: 0 }
    prepared.disk.catch(() => {
      if (this.prepared.get(size) === prepared) this.prepared.delete(size)
    })
    return prepared
  }

  private remove(size: number): Promise<void> {
    this.prepared.delete(size)
    const files = [this.fileOf(size), this.draftOf(size)]
    // One that cannot be removed takes little room, and is in nobody's way: the next agent tries it once more.
    const removal = Promise.all(files.map((file) => rm(file, { force: true }))).then(() => {}, () => {}).finally(() => this.removals.delete(size))
    this.removals.set(size, removal)
    return removal
  }

  private async make(size: number): Promise<EmptyDisk> {
    await this.removals.get(size)
    const file = this.fileOf(size)
    if ((await stat(file).catch(() => undefined))?.size !== size) await this.makeFile(size, file)
    return { file, content: await readSparse(file, mostKeptBytes) }
  }

  /**
   * No journal: what is lost with the VM needs none. A host file reads as zeros where nothing was written, so mkfs
   * discards instead of writing, and the guest has no inode tables to zero later.
   */
  private async makeFile(size: number, target: string): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 })
    const draft = this.draftOf(size)
    const file = await open(draft, 'w', 0o600)
    try {
      await file.truncate(size)
      await run('mkfs.ext4', ['-q', '-F', '-m', '0', '-b', '4096', '-O', '^has_journal,^resize_inode', '-E', 'discard,lazy_itable_init=1,root_owner=0:0', '-L', 'scratch', draft])
      await file.sync()
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    } finally {
      await file.close()
    }
    await rename(draft, target)
  }

  private fileOf(size: number): string {
    return join(this.dir, `empty-${size}.ext4`)
  }
  private draftOf(size: number): string {
    return `${this.fileOf(size)}.draft`
  }
}
