import { open, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@/platform/exec'

/** Makes pods' scratch disks: copies of one prepared, empty ext4 file, which takes milliseconds and next to no space. */
export class ScratchDisks {
  private prepared: Promise<string> | undefined

  /** `dir` keeps the prepared file; `sizeBytes` is the disk's size, a multiple of 1 MiB. */
  constructor(
    private readonly dir: string,
    private readonly sizeBytes: number,
  ) {}

  /** Makes the prepared file now, rather than for the first pod. Throws ExecError where mkfs.ext4 fails. */
  async prepare(): Promise<void> {
    await this.source()
  }

  /** A new, empty disk for a pod at `target`, which is replaced. */
  async create(target: string): Promise<void> {
    const source = await this.source()
    try {
      await run('cp', ['--sparse=always', '--reflink=auto', '--', source, target])
    } catch (error) {
      await rm(target, { force: true })
      throw error
    }
  }

  private source(): Promise<string> {
    this.prepared ??= this.make().catch((error: unknown) => {
      this.prepared = undefined
      throw error
    })
    return this.prepared
  }

  /**
   * No journal: what is lost with the VM needs none. A host file reads as zeros where nothing was written, so mkfs
   * discards instead of writing, and the guest has no inode tables to zero later.
   */
  private async make(): Promise<string> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 })
    const target = join(this.dir, `empty-${this.sizeBytes}.ext4`)
    if ((await stat(target).catch(() => undefined))?.size === this.sizeBytes) return target
    const draft = `${target}.draft`
    const file = await open(draft, 'w', 0o600)
    try {
      await file.truncate(this.sizeBytes)
      await run('mkfs.ext4', ['-q', '-F', '-m', '0', '-O', '^has_journal,^resize_inode', '-E', 'discard,lazy_itable_init=1,root_owner=0:0', '-L', 'scratch', draft])
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, target)
    return target
  }
}
