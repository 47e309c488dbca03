import { mkdir, mkdtemp, open, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { run } from '@/platform/exec'

/**
 * A folder on which a disk is mounted, unmounted and mounted again, as one of a network is; and on which something can be mounted that never answers. The disk keeps what is on it while it is away. Needs root.
 */
export class MountPoint {
  private mounts = 0
  private silent: FileHandle | null = null
  private constructor(private readonly base: string) {}

  /** Where hosts look for the disk. */
  get folder(): string {
    return join(this.base, 'point')
  }
  /** What is on the disk, mounted at the folder or not. */
  get disk(): string {
    return join(this.base, 'disk')
  }

  static async make(): Promise<MountPoint> {
    const point = new MountPoint(await mkdtemp(join(tmpdir(), 'mount-point-')))
    for (const folder of [point.folder, point.disk]) await mkdir(folder)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', point.disk])
    return point
  }

  async mount(): Promise<void> {
    await run('mount', ['--bind', this.disk, this.folder])
    this.mounts += 1
  }

  /** Whoever has a file of it open keeps that. */
  async unmount(): Promise<void> {
    await run('umount', ['--lazy', this.folder])
    this.mounts -= 1
  }

  /** From now on every call on the folder hangs until {@link answer}: a file system in user space whose program never says a word. */
  async hang(): Promise<void> {
    this.silent = await open('/dev/fuse', 'r+')
    const child = spawn('mount', ['--internal-only', '-t', 'fuse', '-o', 'fd=3,rootmode=40000,user_id=0,group_id=0', 'silent', this.folder], { stdio: ['ignore', 'ignore', 'inherit', this.silent.fd] })
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`nothing that hangs could be mounted: mount ended with ${code}`)
    this.mounts += 1
  }

  /** What hangs ends with an error, and the folder is as before. */
  async answer(): Promise<void> {
    await this.unmount()
    await this.silent?.close()
    this.silent = null
  }

  async close(): Promise<void> {
    await this.silent?.close()
    while (this.mounts > 0) await this.unmount()
    await run('umount', ['--lazy', this.disk])
    await rm(this.base, { recursive: true, force: true })
  }
}
