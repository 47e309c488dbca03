import { constants } from 'node:fs'
import { lstat, open, rename } from 'node:fs/promises'
import { isRoot } from '@/host/images/jail/jail'

/** What a jail was to leave, and did not: it may have been broken into. */
export class NoPlainFile extends Error {
  override readonly name = 'NoPlainFile'
}

/**
 * Takes a file out of the folder of a jail that has ended, to `path`, where no jail comes: from then on root alone has it. What was made there may be anything, a link to a file of this host's or a pipe without an end:
 * nothing but a plain file without another name, of `mostBytes` at most, is taken, and nothing is followed or read. It is on disk then. Tells how many bytes it takes there. Throws {@link NoPlainFile}, and the file system's error where bytes were lost.
 */
export async function takeFromJail(made: string, path: string, mostBytes: number): Promise<number> {
  const file = await open(made, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new NoPlainFile('the jail left no file that can be opened', { cause })
  })
  try {
    const found = await file.stat()
    if (!found.isFile() || found.nlink !== 1 || found.size > mostBytes) throw new NoPlainFile('the jail left something else than the file that was asked for')
    if (isRoot) await file.chown(0, 0)
    await file.chmod(0o600)
    // What the disk lost reads as zeros later. Nobody was told of it before: qemu-img's convert flushes nothing.
    await file.sync()
    await rename(made, path)
    const moved = await lstat(path)
    if (moved.ino !== found.ino || moved.dev !== found.dev) throw new NoPlainFile('the jail put another file in the place of the one that it left')
    return moved.blocks * 512
  } finally {
    await file.close()
  }
}
