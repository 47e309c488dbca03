'use client'
import { useQuery } from '@tanstack/react-query'
import { Camera, CalendarClock } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { VolumeSchedules } from '@/components/snapshot-schedules/volume-schedules'
import { useVolume } from '@/components/volumes/volume-frame'
import { DeleteSnapshot } from './delete-snapshot'
import { RevertVolume } from './revert-volume'
import { snapshotActionsFor } from './snapshot-actions'
import { snapshotColumns } from './snapshot-columns'
import { Timeline } from './timeline'
import { timelineInput } from './timeline-input'
import { timeOf } from './timeline-marks'

/** The focus goes to what can be done to the snapshot. */
const goToRow = ({ metadata: { uid } }: VolumeSnapshotView) => {
  const row = document.querySelector(`[data-row="${CSS.escape(uid)}"]`)
  row?.scrollIntoView({ block: 'center' })
  row?.querySelector('button')?.focus()
}

/** The volume's life as a timeline, with the list of its snapshots, and the schedules that take them. `children` is the form that stands over it. */
export function SnapshotsTab({ children }: { children?: ReactNode }) {
  const { tenant, volume } = useVolume()
  const { name, creationTimestamp } = volume.metadata
  const trpc = useTRPC()
  const router = useRouter()
  const input = timelineInput(tenant, name)
  const page = useQuery(trpc.volumeSnapshot.list.queryOptions(input))
  useRefreshOnChanges('volumeSnapshot', { tenant }, trpc.volumeSnapshot.list.queryKey(input))
  const [asking, setAsking] = useState<{ what: 'revert' | 'delete'; snapshot: VolumeSnapshotView } | null>(null)
  const columns = useMemo(() => snapshotColumns(tenant, true), [tenant])
  const snapshots = useMemo(() => page.data?.items.toSorted((a, b) => timeOf(b) - timeOf(a)), [page.data])
  const failed = snapshots?.find(({ status }) => status.phase === 'Failed')
  const isThere = volume.status.phase !== 'Deleted'
  useShortcut('c', 'Take snapshot', () => { if (isThere) router.push(paths.takeSnapshot(tenant, name)) })
  const schedule = isThere && <ButtonLink size="sm" href={paths.newSnapshotSchedule(tenant, { volume: name })} icon={<CalendarClock className="size-3.5" />}>Create schedule</ButtonLink>
  const take = isThere && <ButtonLink size="sm" href={paths.takeSnapshot(tenant, name)} icon={<Camera className="size-3.5" />}>Take snapshot</ButtonLink>
  return (
    <>
      {failed && <Callout tone="error" title={`Snapshot ${failed.metadata.name} could not be taken`}>{failed.status.message || 'Delete it, and take another one.'}</Callout>}
      {snapshots && snapshots.length > 0 && <Panel title="Timeline" description={formatCount(snapshots.length, 'snapshot')} actions={schedule} flush><Timeline created={creationTimestamp} snapshots={snapshots} onChoose={goToRow} /></Panel>}
      <DataTable
        label={`Snapshots of ${name}`}
        columns={columns}
        rows={snapshots}
        rowKey={(snapshot) => snapshot.metadata.uid}
        rowName={(snapshot) => snapshot.metadata.name}
        actions={(snapshot) => snapshotActionsFor(tenant, snapshot, volume, { onRevert: () => setAsking({ what: 'revert', snapshot }), onDelete: () => setAsking({ what: 'delete', snapshot }) })}
        error={page.error}
        onRetry={() => void page.refetch()}
        empty={<EmptyState icon={<Camera />} title="No snapshots yet" actions={<>{take}{schedule}</>}>A snapshot is the volume as it is at one moment. The volume can go back to it, and new volumes are made of it at once. It takes room only for what changes afterwards.</EmptyState>}
      />
      <VolumeSchedules />
      {asking?.what === 'delete' && <DeleteSnapshot tenant={tenant} name={asking.snapshot.metadata.name} onClose={() => setAsking(null)} />}
      {asking?.what === 'revert' && <RevertVolume tenant={tenant} volume={volume} snapshot={asking.snapshot} onClose={() => setAsking(null)} />}
      {children}
    </>
  )
}
