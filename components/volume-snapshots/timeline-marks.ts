import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'

type Snapshot = Pick<VolumeSnapshotView, 'metadata' | 'status'>
/** Snapshots that stand at one place of the axis: one, or several that would lie on each other. `at`: 0 at the beginning, 1 now. */
export type Mark<S extends Snapshot = Snapshot> = { at: number; snapshots: S[]; clones: number; grouped: boolean; failed: boolean; changing: boolean }

/** When a snapshot was taken, or was asked for where it is not taken yet: milliseconds since 1970. */
export const timeOf = ({ metadata, status }: Snapshot): number => Date.parse(status.takenAt ?? metadata.creationTimestamp)

/** Marks nearer to each other than this part of the axis become one. */
const nearest = 0.03
/** A young volume's axis is a minute long at least, or its marks would stand anywhere. */
const shortest = 60_000

/** The axis of a volume's life: from when it was made, or its oldest snapshot, to now. */
export function axisOf(created: string, snapshots: readonly Snapshot[], now: number): { from: number; to: number } {
  const from = Math.min(Date.parse(created), ...snapshots.map(timeOf))
  return { from: Math.min(from, now - shortest), to: now }
}

/** Where the snapshots stand on the axis, oldest first. */
export function marksOf<S extends Snapshot>(snapshots: readonly S[], { from, to }: { from: number; to: number }): Mark<S>[] {
  const marks: Mark<S>[] = []
  for (const snapshot of snapshots.toSorted((a, b) => timeOf(a) - timeOf(b))) {
    const at = Math.min(1, Math.max(0, (timeOf(snapshot) - from) / (to - from)))
    const last = marks.at(-1)
    if (last && at - last.at < nearest) last.snapshots.push(snapshot)
    else marks.push({ at, snapshots: [snapshot], clones: 0, grouped: false, failed: false, changing: false })
  }
  return marks.map((mark) => {
    const phases = mark.snapshots.map(({ status }) => status.phase)
    return { ...mark, clones: mark.snapshots.reduce((sum, { status }) => sum + status.clones, 0), grouped: mark.snapshots.some(({ status }) => status.group !== null), failed: phases.every((phase) => phase === 'Failed'), changing: phases.some((phase) => phase !== 'Ready' && phase !== 'Failed') }
  })
}
