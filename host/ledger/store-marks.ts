import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { syncFolder, writeAtomically } from './atomic-file'

const markEntry = z.object({ version: z.literal(1), storeUid: z.uuid(), folder: z.string(), id: z.uuid() })

/** Which store this host has seen in which folder, a file a store of volumes. It is read each time, so that an operator who removes one is heard. */
export class StoreMarks {
  constructor(private readonly folder: string) {}

  fileOf(storeUid: string): string {
    return join(this.folder, `${storeUid}.json`)
  }

  /** Null: none was seen there. Throws where what was written down cannot be read. */
  async seen(storeUid: string, folder: string): Promise<string | null> {
    const file = this.fileOf(storeUid)
    try {
      const entry = markEntry.parse(JSON.parse(await readFile(file, 'utf8')))
      // An empty store may be given another folder.
      return entry.folder === folder ? entry.id : null
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      throw new Error(`which store this host has seen in ${folder} cannot be read. Look at ${file}: once it is removed, the host takes the folder as it is`, { cause: error })
    }
  }

  /** The store is given up, and its folder says so. */
  async forget(storeUid: string): Promise<void> {
    await rm(this.fileOf(storeUid), { force: true })
  }

  /** On disk when it resolves. */
  async remember(storeUid: string, folder: string, id: string): Promise<void> {
    if ((await mkdir(this.folder, { recursive: true, mode: 0o700 })) !== undefined) await syncFolder(join(this.folder, '..'))
    await writeAtomically(this.folder, `${storeUid}.json`, `${JSON.stringify({ version: 1, storeUid, folder, id } satisfies z.infer<typeof markEntry>)}\n`)
  }
}
