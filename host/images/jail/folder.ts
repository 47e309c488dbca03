import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'

/** What a jail has written. `isStrange`: it is more than plain files in one folder, or more of them than there may be; the bytes are then not counted to the end. `storedBytes`: without holes. */
export type FolderUse = { bytes: number; storedBytes: number; isStrange: boolean }

/** Looks into a jail's folder, which may hold anything: at most `maxEntries` files are looked at, and no folder in it is entered. One that is gone is empty. */
export async function folderUse(folder: string, maxEntries: number): Promise<FolderUse> {
  const use = { bytes: 0, storedBytes: 0, isStrange: false }
  const entries = await opendir(folder).catch(() => null)
  if (!entries) return use
  let count = 0
  for await (const { name } of entries) {
    const file = await lstat(join(folder, name)).catch(() => null)
    if (!file) continue
    count += 1
    use.bytes += file.size
    use.storedBytes += file.blocks * 512
    if (count > maxEntries || !file.isFile()) return { ...use, isStrange: true }
  }
  return use
}
