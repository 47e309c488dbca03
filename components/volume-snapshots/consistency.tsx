import { notFrozen } from '@/domain/volume-snapshot/admission'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { Badge } from '@/components/ui/badge'
import { Tooltip } from '@/components/ui/tooltip'
import { consistencyText } from './words'

type Of = { snapshot: Pick<VolumeSnapshotView, 'spec' | 'status'> }

/** Whether it was asked to be more consistent than it is; its message says why. */
export const isLessConsistent = ({ status }: Pick<VolumeSnapshotView, 'status'>): boolean => status.phase === 'Ready' && status.reason === notFrozen

/** How consistent a snapshot is, and that it was asked to be more so. */
export function Consistency({ snapshot: { spec, status } }: Of) {
  const { label, hint } = consistencyText[status.consistency ?? spec.consistency]
  return (
    <span className="inline-flex items-center gap-2">
      <span className="text-soft" title={hint}>{label}</span>
      {isLessConsistent({ status }) && <Tooltip text={status.message}><span tabIndex={0} className="rounded-sm"><Badge tone="notice">Not as asked</Badge></span></Tooltip>}
    </span>
  )
}
