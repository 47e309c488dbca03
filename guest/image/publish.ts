import { rename } from 'node:fs/promises'

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
}

/**
 * Moves a finished folder to its final name in one step. Where another process was first, its
 * folder stays: folders under one name hold the same.
 */
export async function publishFolder(draft: string, target: string): Promise<void> {
  try {
    await rename(draft, target)
  } catch (error) {
    if (!hasCode(error, ['ENOTEMPTY', 'EEXIST'])) throw error
  }
}
