import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'

const chunkBytes = 1 << 20

/** `sha256:hex` of a file's bytes. */
export async function fileDigest(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes, signal })) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

/**
 * Checks files against their digests and remembers which it has seen, by what the kernel changes with every write: a
 * start reads no image again unless its file was touched. The time of the inode's change is left out: it moves with each VM
 * that has the image plugged in, which is a hard link. It finds what went wrong on the disk, not what root wants to hide.
 */
export class FileCheck {
  readonly #seen = new Map<string, string>()
  readonly #reading = new Map<string, Promise<boolean>>()

  /** Whether the file has this digest. Rejects when it cannot be read. */
  async holds(path: string, digest: string): Promise<boolean> {
    const mark = await markOf(path)
    if (this.#seen.get(path) === `${mark} ${digest}`) return true
    // Pods that start together wait for one reading.
    const reading = this.#reading.get(path) ?? this.#read(path, digest, mark)
    this.#reading.set(path, reading)
    try {
      return await reading
    } finally {
      this.#reading.delete(path)
    }
  }

  /** Takes a file as read that was made here just now. */
  async trust(path: string, digest: string): Promise<void> {
    this.#seen.set(path, `${await markOf(path)} ${digest}`)
  }

  forget(path: string): void {
    this.#seen.delete(path)
  }

  async #read(path: string, digest: string, mark: string): Promise<boolean> {
    const holds = (await fileDigest(path)) === digest
    if (holds) this.#seen.set(path, `${mark} ${digest}`)
    else this.#seen.delete(path)
    return holds
  }
}

async function markOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true })
  return `${dev} ${ino} ${size} ${mtimeNs}`
}
