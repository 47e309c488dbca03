import type { Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

/** Files that are open for QEMU's start, by the descriptor that it shall have them under. */
export class OpenFiles {
  private readonly handles = new Map<number, FileHandle>()

  /** Opens a file for QEMU, and says what it is; `flags` as fs.open's ('r' or 'r+'). */
  async add(descriptor: number, path: string, flags: 'r' | 'r+'): Promise<Stats> {
    const handle = await open(path, flags)
    this.handles.set(descriptor, handle)
    return handle.stat()
  }

  get descriptors(): Partial<Record<number, number>> {
    return Object.fromEntries([...this.handles].map(([descriptor, handle]) => [descriptor, handle.fd]))
  }

  /** Closes the agent's side; QEMU keeps its own. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.handles.values()].map((handle) => handle.close()))
    this.handles.clear()
  }
}
