import { z } from 'zod'
import { formatBytes } from '../shared/quantity'

/** What guests say of file systems, in bytes; null: nothing. */
type Told = readonly { fsBytes: number | null; usedBytes: number | null }[]
export type FilesystemUse = { totalBytes: number; usedBytes: number }
/** How full a file system was when a guest said so last. `at`: about when that was. */
export const lastFilesystemUse = z.object({ totalBytes: z.number(), usedBytes: z.number(), at: z.string() })
export type LastFilesystemUse = z.infer<typeof lastFilesystemUse>
export type RoomVerdict = { type: 'FilesystemRoom'; status: 'True' | 'False'; reason: string; message: string }

/** From so full on a file system is said to be nearly full, and below so full no more: one at the limit is not told of again and again. */
const [full, roomy] = [0.9, 0.85]

/** How full the file system of a volume is, as the guest that has it says. */
export function filesystemUse(attachments: Told): FilesystemUse | null {
  const told = attachments.find(({ fsBytes, usedBytes }) => fsBytes !== null && usedBytes !== null)
  return told ? { totalBytes: told.fsBytes ?? 0, usedBytes: told.usedBytes ?? 0 } : null
}

/** What is kept of a file system's use once no guest says it any more: what was said before, or kept already; null: nothing, or it is said now. `at`: now, as the server writes times. */
export function lastUseOf(before: { use: FilesystemUse | null; last: LastFilesystemUse | null }, now: FilesystemUse | null, at: string): LastFilesystemUse | null {
  if (now) return null
  return before.use ? { ...before.use, at } : before.last
}

type Band = 'full' | 'between' | 'roomy' | null
function bandOf(use: FilesystemUse | null): Band {
  if (!use || use.totalBytes <= 0) return null
  const part = use.usedBytes / use.totalBytes
  return part >= full ? 'full' : part < roomy ? 'roomy' : 'between'
}

/** What is to be said of a file system's room, of what was told before and now; null: nothing else than was said. */
export function roomVerdict(before: FilesystemUse | null, now: FilesystemUse | null): RoomVerdict | null {
  const band = bandOf(now)
  if (now === null || band === null || band === 'between' || band === bandOf(before)) return null
  if (band === 'roomy') return { type: 'FilesystemRoom', status: 'True', reason: 'RoomAvailable', message: 'Its file system has room.' }
  return {
    type: 'FilesystemRoom', status: 'False', reason: 'FilesystemNearlyFull',
    message: `${formatBytes(now.usedBytes)} of the ${formatBytes(now.totalBytes)} of its file system are taken: let it grow (volume.update {name, size}, or its claim's resources.requests.storage), or delete files that nobody needs.`,
  }
}
