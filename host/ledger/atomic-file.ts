import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What an interrupted write leaves ends so. */
export const temporarySuffix = '.tmp'

/**
 * Puts a text, or the pieces of one, into a file of a folder (mode 0600) so that a crash leaves the old text or the new one: it is written beside it, synced and
 * renamed over it. Throws the file system's error, and leaves nothing of the attempt.
 */
export async function writeAtomically(folder: string, name: string, text: string | Iterable<string>): Promise<void> {
  const path = join(folder, name)
  const temporary = `${path}.${randomBytes(4).toString('hex')}${temporarySuffix}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    try {
      for (const piece of typeof text === 'string' ? [text] : text) await file.writeFile(piece)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    // It would take room on a disk that may be full.
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(folder)
}

/** Makes what was renamed or removed in a folder outlive a crash of the machine. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
