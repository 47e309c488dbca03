import type { SnapshotScheduleView, UnreadableSchedule } from '@/domain/snapshot-schedule/view'
import { StateBadge } from '@/components/ui/state-badge'
import { Tooltip } from '@/components/ui/tooltip'

/** Active, suspended, or that its last run met something. */
export function ScheduleState({ schedule: { spec, status } }: { schedule: Pick<SnapshotScheduleView, 'spec' | 'status'> }) {
  if (spec.suspended) return <StateBadge shape="stopped">Suspended</StateBadge>
  if (!status.lastMessage) return <StateBadge shape="running">Active</StateBadge>
  return <Tooltip text={status.lastMessage}><span tabIndex={0} className="rounded-sm"><StateBadge shape="unknown">Active, with trouble</StateBadge></span></Tooltip>
}

/** One that this version cannot read, with why. */
export function UnreadableState({ problem }: Pick<UnreadableSchedule, 'problem'>) {
  return <Tooltip text={problem}><span tabIndex={0} className="rounded-sm"><StateBadge shape="failed">Cannot be read</StateBadge></span></Tooltip>
}
