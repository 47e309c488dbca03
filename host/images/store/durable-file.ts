import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes names in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Puts a finished and synced file in its place at once: a reader sees the old one or the new one. */
export async function publish(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncFolder(dirname(to))
}

/** Replaces a small file, all or nothing; `temporary` must be on the same file system. */
export async function writeDurably(path: string, temporary: string, text: string, mode: number): Promise<void> {
  const file = await open(temporary, 'w', mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await publish(temporary, path)
}
