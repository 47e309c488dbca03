import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Longer than all that is made in a folder may take: what nobody has written to for so long, whoever began it does not any more. */
const abandonedMs = 2 * 86_400_000

/** Of a folder of several hosts: whether what lies there, half made, is of one that died. */
export async function isAbandoned(path: string): Promise<boolean> {
  const names = await readdir(path, { recursive: true }).catch(() => [])
  const times = await Promise.all([path, ...names.map((name) => join(path, name))].map((one) => lstat(one).then(({ mtimeMs }) => mtimeMs, () => 0)))
  return Math.max(...times) < Date.now() - abandonedMs
}
