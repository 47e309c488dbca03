import { open, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@/platform/exec'
import { maxScratchBytes } from './hypervisor-settings'
import { VmError } from './machine'
import { readSparse, writeSparse, type SparseContent } from './sparse-file'

const minScratchBytes = 32 * 2 ** 20
const blockBytes = 2 ** 20
/** What is kept in memory of an empty disk; one of 10 GiB holds 160 kB, one of 1 TiB some MiB. */
const mostKeptBytes = 2 ** 20
/** Of so many sizes, those used last: tenants choose sizes. */
const mostKept = 8

/** Makes pods' scratch disks: copies of one prepared, empty ext4 file a size, which takes a millisecond and next to no space. */
export class ScratchDisks {
  private readonly prepared = new Map<number, Promise<string>>()
  /** What prepared files hold, by size, the one used last at the end; null where that is much. */
  private readonly contents = new Map<number, SparseContent | null>()

  /** `dir` keeps the prepared files; `defaultBytes` is the size of a disk for which none is asked, a multiple of 1 MiB. */
  constructor(
    private readonly dir: string,
    private readonly defaultBytes: number,
  ) {}

  /** Makes the prepared file of the default size now, rather than for the first pod. Throws ExecError where mkfs.ext4 fails. */
  async prepare(): Promise<void> {
    await this.content(this.defaultBytes, await this.source(this.defaultBytes))
  }

  /**
   * A new, empty disk for a pod at `target`, which is replaced; its size is rounded up to 1 MiB. Throws VmError for a
   * size out of bounds, ExecError or the file system's error where the disk cannot be written.
   */
  async create(target: string, sizeBytes = this.defaultBytes): Promise<void> {
    const size = Math.ceil(sizeBytes / blockBytes) * blockBytes
    if (!(size >= minScratchBytes && size <= maxScratchBytes)) throw new VmError(`a scratch disk of ${sizeBytes} bytes is not within ${minScratchBytes} and ${maxScratchBytes}`)
    const file = await this.source(size)
    const content = await this.content(size, file)
    try {
      await (content ? writeSparse(target, content) : run('cp', ['--sparse=always', '--reflink=auto', '--', file, target]))
    } catch (error) {
      await rm(target, { force: true })
      throw error
    }
  }

  private async content(size: number, file: string): Promise<SparseContent | null> {
    const known = this.contents.get(size)
    const content = known === undefined ? await readSparse(file, mostKeptBytes) : known
    this.contents.delete(size)
    this.contents.set(size, content)
    for (const [oldest] of [...this.contents].slice(0, -mostKept)) this.contents.delete(oldest)
    return content
  }

  private source(size: number): Promise<string> {
    const before = this.prepared.get(size)
    if (before) return before
    const making = this.make(size)
    this.prepared.set(size, making)
    making.catch(() => this.prepared.delete(size))
    return making
  }

  /**
   * No journal: what is lost with the VM needs none. A host file reads as zeros where nothing was written, so mkfs
   * discards instead of writing, and the guest has no inode tables to zero later.
   */
  private async make(size: number): Promise<string> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 })
    const target = join(this.dir, `empty-${size}.ext4`)
    if ((await stat(target).catch(() => undefined))?.size === size) return target
    const draft = `${target}.draft`
    const file = await open(draft, 'w', 0o600)
    try {
      await file.truncate(size)
      await run('mkfs.ext4', ['-q', '-F', '-m', '0', '-b', '4096', '-O', '^has_journal,^resize_inode', '-E', 'discard,lazy_itable_init=1,root_owner=0:0', '-L', 'scratch', draft])
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, target)
    return target
  }
}
