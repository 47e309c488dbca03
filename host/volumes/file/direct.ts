import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { codeOf } from '@/platform/error-code'

/**
 * Whether a file can be opened past the host's page cache: not on every file system (tmpfs before Linux 6.6, some of FUSE). What cannot be opened at all is said by who opens it
 * for good.
 */
export async function opensDirect(path: string): Promise<boolean> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_DIRECT)
    await file.close()
    return true
  } catch (error) {
    return codeOf(error) !== 'EINVAL'
  }
}
