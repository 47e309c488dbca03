import { chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@/platform/exec'
import { configurationFile, runFolder } from './places'

/** Bytes and files, of all certificates (./certificates.ts bounds them) and all else twice; taken as they are written. */
const [size, mostFiles] = [64 << 20, 12_000]

/**
 * The files of one HAProxy, in memory alone: certificates have their keys with them. `now`: what it reads; `next`: what it shall, until it was found good. Root writes them, the
 * account of HAProxy reads them, and nobody else comes so far.
 */
export class MemoryFolder {
  constructor(private readonly path: string, private readonly uid: number) {}

  /** The folder that HAProxy has. */
  get now(): string {
    return join(this.path, 'now')
  }

  /** Whether an earlier agent left one with files. */
  isThere(): Promise<boolean> {
    return stat(join(this.now, configurationFile)).then(() => true, () => false)
  }

  /** Makes it anew. */
  async make(): Promise<void> {
    await this.remove()
    await mkdir(this.path, { recursive: true, mode: 0o700 })
    const options = `size=${size},nr_inodes=${mostFiles},mode=0750,uid=0,gid=${this.uid},nosuid,nodev,noexec,nosymfollow`
    const mount = (more: string) => run('mount', ['-t', 'tmpfs', '-o', options + more, 'balancer', this.path])
    // Kernels before 6.4 do not know how to keep it out of swap.
    await mount(',noswap').catch(() => mount(''))
    await this.makeIn(this.now)
  }

  /** Puts files to where HAProxy reads them, each whole or not at all. */
  async put(files: ReadonlyMap<string, string>): Promise<void> {
    for (const [name, text] of files) {
      await this.write(join(this.path, 'coming'), text)
      await rename(join(this.path, 'coming'), join(this.now, name))
    }
  }

  /** All files that HAProxy reads now. */
  async read(): Promise<Map<string, string>> {
    const names = (await readdir(this.now)).filter((name) => name !== runFolder)
    return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(this.now, name), 'utf8')] as const)))
  }

  /** Hands the files of what shall come to `check` in a folder of their own. */
  async tried<T>(files: ReadonlyMap<string, string>, check: (folder: string) => Promise<T>): Promise<T> {
    const next = join(this.path, 'next')
    await rm(next, { recursive: true, force: true })
    try {
      await this.makeIn(next)
      for (const [name, text] of files) await this.write(join(next, name), text)
      return await check(next)
    } finally {
      await rm(next, { recursive: true, force: true })
    }
  }

  /** Removes what HAProxy reads no more. */
  async keep(files: ReadonlyMap<string, string>): Promise<void> {
    for (const name of (await readdir(this.now)).filter((one) => one !== runFolder && !files.has(one))) await rm(join(this.now, name), { force: true })
  }

  async remove(): Promise<void> {
    // Once for each time that it was mounted; where it is not, umount says so.
    for (let i = 0; i < 3 && (await run('umount', ['--lazy', this.path]).then(() => true, () => false)); i += 1);
    await rm(this.path, { recursive: true, force: true })
  }

  private async makeIn(folder: string): Promise<void> {
    await mkdir(folder, { mode: 0o750 })
    await chown(folder, 0, this.uid)
    await mkdir(join(folder, runFolder), { mode: 0o700 })
    await chown(join(folder, runFolder), this.uid, this.uid)
  }

  private async write(file: string, text: string): Promise<void> {
    await writeFile(file, text, { mode: 0o640 })
    await chown(file, 0, this.uid)
  }
}
