import type { VolumeView } from '@/domain/volume/view'
import { formatBytes } from '@/components/client/formats'

type Status = Pick<VolumeView['status'], 'phase' | 'sizeBytes' | 'storedBytes' | 'filesystem'>
/** Parts of what is promised, 0 to 1; null: not known. `written`: what its image takes in the store; `used`: what its file system has in files. */
export type Usage = { written: number | null; used: number | null; tone: 'accent' | 'notice' | 'error'; text: string }

/** From so full on a file system is said to be. */
const nearlyFull = 0.9
const partOf = (bytes: number | null, of: number): number | null => (bytes === null || of <= 0 ? null : Math.min(1, bytes / of))

/** How much of what a volume was promised is taken. A file system has some bytes of its own, and what was deleted in it may be in the store still. */
export function usageOf({ phase, sizeBytes, storedBytes, filesystem }: Status): Usage {
  const used = filesystem === null ? null : partOf(filesystem.usedBytes, filesystem.totalBytes)
  const tone = phase === 'Full' || (used ?? 0) >= 0.98 ? 'error' : (used ?? 0) >= nearlyFull ? 'notice' : 'accent'
  return { written: partOf(storedBytes, sizeBytes), used, tone, text: usageText({ sizeBytes, storedBytes, filesystem }) }
}

/** What its image takes is no measure of what is on it: all that it shares with snapshots, or with what it was made of, is beside that. */
function usageText({ sizeBytes, storedBytes, filesystem }: Omit<Status, 'phase'>): string {
  const promised = formatBytes(sizeBytes)
  if (filesystem) return `${formatBytes(filesystem.usedBytes)} of ${promised}`
  return storedBytes === null || storedBytes === 0 ? promised : `${promised}, ${formatBytes(storedBytes)} beside snapshots`
}
