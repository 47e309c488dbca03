import { formatBytes } from '../shared/quantity'

/** What guests say of file systems, in bytes; null: nothing. */
type Told = readonly { fsBytes: number | null; usedBytes: number | null }[]
export type FilesystemUse = { totalBytes: number; usedBytes: number }
export type RoomVerdict = { type: 'FilesystemRoom'; status: 'True' | 'False'; reason: string; message: string }

/** From so full on a file system is said to be nearly full, and below so full no more: one at the limit is not told of again and again. */
const [full, roomy] = [0.9, 0.85]

/** How full the file system of a volume is, as the guest that has it says. */
export function filesystemUse(attachments: Told): FilesystemUse | null {
  const told = attachments.find(({ fsBytes, usedBytes }) => fsBytes !== null && usedBytes !== null)
  return told ? { totalBytes: told.fsBytes ?? 0, usedBytes: told.usedBytes ?? 0 } : null
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
