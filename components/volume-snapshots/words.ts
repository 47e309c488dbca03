import type { Consistency } from '@/domain/volume-snapshot/spec'
import type { SnapshotPhase } from '@/domain/volume-snapshot/view'
import type { StateShape } from '@/components/ui/state-badge'

export const looks: Readonly<Record<SnapshotPhase, { shape: StateShape; word: string }>> = {
  Asked: { shape: 'changing', word: 'Asked for' },
  Taking: { shape: 'changing', word: 'Taking' },
  Ready: { shape: 'running', word: 'Ready' },
  Failed: { shape: 'failed', word: 'Failed' },
  Deleting: { shape: 'changing', word: 'Deleting' },
}

export const consistencyText: Readonly<Record<Consistency, { label: string; hint: string }>> = {
  CrashConsistent: { label: 'As after a power cut', hint: 'File systems and databases come back from it' },
  FilesystemConsistent: { label: 'Written out first', hint: 'The pod’s file system is written out and stands still for the moment' },
}

const two = (value: number) => String(value).padStart(2, '0')
/** What a snapshot is called where nobody says otherwise: `data-20261126-0945`, of UTC; a long name of a volume is cut. */
export function suggestedName(volume: string, at: Date): string {
  const stamp = `${at.getUTCFullYear()}${two(at.getUTCMonth() + 1)}${two(at.getUTCDate())}-${two(at.getUTCHours())}${two(at.getUTCMinutes())}`
  return `${volume.slice(0, 200).replace(/[-.]+$/, '')}-${stamp}`
}
