import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { isResolverUid } from '@/host/dns/jail'
import { HaproxyRecord } from './process'

/** What the next agent is told: nothing secret. `shape`: of all files but servers and certificates; `certificates`: the revision of each. */
const savedState = z.object({ version: z.literal(1), uid: z.number().int().refine(isResolverUid), process: HaproxyRecord.nullable(), shape: z.string(), certificates: z.record(z.string(), z.string()) })
export type Saved = z.infer<typeof savedState>

/** What an agent wrote down in the folder of a balancer; null where there is nothing that can be read. */
export async function savedIn(folder: string): Promise<Saved | null> {
  try {
    return savedState.parse(JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')))
  } catch {
    return null
  }
}

/** Writes it down, whole or not at all. */
export async function saveIn(folder: string, state: Saved): Promise<void> {
  const file = join(folder, 'state.json')
  await writeFile(`${file}.tmp`, JSON.stringify(state), { mode: 0o600 })
  await rename(`${file}.tmp`, file)
}
