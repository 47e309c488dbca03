import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { StateBadge } from '@/components/ui/state-badge'
import { Tooltip } from '@/components/ui/tooltip'
import { looks } from './words'

/** A snapshot's phase; why it failed stands beside it, and in the list of its volume below it. */
export function SnapshotState({ snapshot: { status } }: { snapshot: Pick<VolumeSnapshotView, 'status'> }) {
  const { shape, word } = looks[status.phase]
  if (!status.message || status.phase === 'Ready') return <StateBadge shape={shape}>{word}</StateBadge>
  return <Tooltip text={status.message}><span tabIndex={0} className="rounded-sm"><StateBadge shape={shape}>{word}</StateBadge></span></Tooltip>
}
