import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '@/platform/error-code'

/** Version 2's file, or version 1's two, of which the one for swap may never be the smaller: it is tried on either side of the other. */
const files = ['memory.max', 'memory.memsw.limit_in_bytes', 'memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'] as const

/**
 * Changes how much memory a running VM's group may have. `folders` are the group's; those of other controllers have no such file. Throws with the kernel's words where
 * it does not take the number: version 1 refuses less than what is in use.
 */
export async function setMemoryLimit(folders: readonly string[], bytes: number): Promise<void> {
  for (const folder of folders) {
    let refusal: Error | undefined
    for (const file of files) {
      try {
        await writeFile(join(folder, file), String(bytes), { flag: 'r+' })
        refusal = undefined
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') refusal = new Error(`${join(folder, file)} did not take ${bytes}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
      }
    }
    if (refusal) throw refusal
  }
}
