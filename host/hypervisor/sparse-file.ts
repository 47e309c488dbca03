import { open } from 'node:fs/promises'
import { z } from 'zod'
import { run } from '@/platform/exec'

/** All that a file holds but for its holes, which read as zeros. `bytes`: how long it is. */
export type SparseContent = { bytes: number; parts: readonly { offset: number; content: Buffer }[] }

const extents = z.array(z.object({ start: z.number().int(), length: z.number().int(), data: z.boolean() }))

/**
 * Reads what a sparse file holds; null where that is more than `mostBytes`, as it is where the file system knows no holes. The file must not
 * change meanwhile. Throws ExecError, or the file system's error.
 */
export async function readSparse(path: string, mostBytes: number): Promise<SparseContent | null> {
  const { stdout } = await run('qemu-img', ['map', '--output=json', '-f', 'raw', path])
  const held = extents.parse(JSON.parse(stdout)).filter(({ data }) => data)
  if (held.reduce((sum, { length }) => sum + length, 0) > mostBytes) return null
  const file = await open(path)
  try {
    const parts = []
    for (const { start, length } of held) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start)
      if (bytesRead !== length) throw new Error(`${path} became shorter while it was read`)
      parts.push({ offset: start, content: buffer })
    }
    return { bytes: (await file.stat()).size, parts }
  } finally {
    await file.close()
  }
}

/** Makes a file of this content (mode 0600), in place of one that is there; its holes take no room. No process is started for it. Throws the file system's error. */
export async function writeSparse(target: string, { bytes, parts }: SparseContent): Promise<void> {
  const file = await open(target, 'w', 0o600)
  try {
    await file.truncate(bytes)
    const written = await Promise.all(parts.map(({ offset, content }) => file.write(content, 0, content.length, offset)))
    // The kernel writes a part where the disk is full.
    if (written.some(({ bytesWritten }, at) => bytesWritten !== parts[at]?.content.length)) throw new Error(`${target} could not be written in full: look for room on its disk`)
  } finally {
    await file.close()
  }
}
