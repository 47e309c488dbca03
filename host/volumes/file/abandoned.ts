import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Longer than all that is made in a folder may take: what nobody has written to for so long, whoever began it does not any more. */
const abandonedMs = 2 * 86_400_000

/** Of a folder of several hosts: whether what lies there, half made, is of one that died. Of what cannot be looked at it is never said: somebody may be at work in it, or all of it be whole. */
export async function isAbandoned(path: string): Promise<boolean> {
  try {
    const names = await readdir(path, { recursive: true })
    const times = await Promise.all([path, ...names.map((name) => join(path, name))].map(async (one) => (await lstat(one)).mtimeMs))
    return Math.max(...times) < Date.now() - abandonedMs
  } catch {
    return false
  }
}
