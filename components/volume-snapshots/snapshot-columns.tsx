import Link from 'next/link'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { formatBytes, formatMilliseconds, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import type { Column } from '@/components/patterns/data-table/columns'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Consistency } from './consistency'
import { SnapshotState } from './snapshot-state'

type SnapshotColumn = Column<VolumeSnapshotView>
const faint = <span className="text-faint">{NOTHING}</span>

/** What lists of snapshots show. `ofOne`: all are of the volume whose page it is. */
export const snapshotColumns = (tenant: string, ofOne: boolean): readonly SnapshotColumn[] => [
  {
    id: 'name', header: 'Name', ...(!ofOne && { sortBy: 'name' }),
    cell: ({ metadata: { name }, status }) => (
      <span className="inline-flex items-center gap-2">
        <Link href={paths.volumeSnapshot(tenant, name)} title={name} className="inline-flex min-h-6 max-w-32 items-center sm:max-w-70 hover:text-accent-content hover:underline"><span className="truncate">{name}</span></Link>
        {status.group !== null && <span className="max-lg:hidden"><Badge>of a group</Badge></span>}
        {status.clones > 0 && <span className="max-lg:hidden"><Badge tone="accent">{status.clones === 1 ? '1 clone' : `${status.clones} clones`}</Badge></span>}
      </span>
    ),
  },
  { id: 'state', header: 'State', cell: (snapshot) => <SnapshotState snapshot={snapshot} /> },
  ...(ofOne ? [] : [{ id: 'volume', header: 'Volume', from: 'sm', cell: ({ status }: VolumeSnapshotView) => (status.volume ? <Link href={paths.volumeTimeline(tenant, status.volume.name)} className="inline-flex min-h-6 items-center text-accent-content hover:underline">{status.volume.name}</Link> : <span className="text-faint">is gone</span>) } as const]),
  { id: 'taken', header: 'Taken', ...(!ofOne && { sortBy: 'created' }), cell: ({ metadata, status }) => <span className="text-soft"><Ago time={status.takenAt ?? metadata.creationTimestamp} /></span> },
  { id: 'how', header: 'Consistency', from: 'lg', cell: (snapshot) => <Consistency snapshot={snapshot} /> },
  { id: 'stored', header: 'Stored', from: 'md', cell: ({ status }) => (status.storedBytes === null ? faint : <span className="text-soft" title="Written since the snapshot before it; it counts towards the quota">{formatBytes(status.storedBytes)}</span>) },
  { id: 'stall', header: 'Stood still', from: 'xl', cell: ({ status }) => (status.stallMs === null ? faint : <span className="text-soft">{formatMilliseconds(status.stallMs)}</span>) },
  { id: 'schedule', header: 'Schedule', from: 'md', grow: true, cell: ({ status: { schedule } }) => (schedule === null ? faint : <Link href={paths.snapshotSchedule(tenant, schedule)} className="inline-flex min-h-6 items-center text-accent-content hover:underline">{schedule}</Link>) },
]
