'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { CalendarClock, FileCode2, Plus } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { SnapshotScheduleView, UnreadableSchedule } from '@/domain/snapshot-schedule/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { listMs, useRefreshOnChanges } from '@/components/client/use-changes'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { SearchFilter } from '@/components/patterns/data-table/toolbar'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago, Coming } from '@/components/patterns/time'
import { Button, ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { pageSizes, volumeListInput } from '@/components/volumes/list-input'
import { snapshotScheduleSketch } from '@/components/volumes/sketch'
import { volumeTabs } from '@/components/volumes/volume-tabs'
import { DeleteSchedule } from './delete-schedule'
import { scheduleActionsFor } from './schedule-actions'
import { ScheduleState, UnreadableState } from './schedule-state'
import { keepText, volumesText, whenText } from './words'

/** A schedule, or one that this version cannot read. */
type Row = SnapshotScheduleView | UnreadableSchedule
const isReadable = (row: Row): row is SnapshotScheduleView => 'spec' in row
/** What only one that can be read has. */
const readable = (cell: (schedule: SnapshotScheduleView) => ReactNode) => (row: Row) => <span className="text-soft">{isReadable(row) ? cell(row) : NOTHING}</span>

const columnsOf = (tenant: string): ReadonlyArray<Column<Row>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { name } }) => <Link href={paths.snapshotSchedule(tenant, name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'state', header: 'State', cell: (row) => (isReadable(row) ? <ScheduleState schedule={row} /> : <UnreadableState problem={row.problem} />) },
  { id: 'every', header: 'When', from: 'sm', cell: readable(({ spec }) => whenText(spec)) },
  { id: 'volumes', header: 'Volumes', from: 'md', grow: true, cell: (row) => { const text = isReadable(row) ? volumesText(row.spec.volumes) : row.problem; return <span className="block truncate text-soft" title={text}>{text}</span> } },
  { id: 'keep', header: 'Keeps', from: 'lg', cell: readable(({ spec }) => keepText(spec.keep)) },
  { id: 'last', header: 'Last run', from: 'sm', cell: ({ status }) => <span className="text-soft"><Ago time={status.lastAt} /></span> },
  { id: 'next', header: 'Next run', from: 'md', cell: readable(({ spec, status }) => (spec.suspended || status.nextAt === null ? NOTHING : <Coming time={status.nextAt} />)) },
]

/** A tenant's schedules of snapshots. `children` is the side form that stands over the list. */
export function ScheduleListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = volumeListInput(tenant, query.get)
  const page = useQuery({ ...trpc.snapshotSchedule.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnChanges('volumeSnapshot', { tenant, everyMs: listMs }, trpc.snapshotSchedule.list.queryKey())
  const [deleting, setDeleting] = useState<Row | null>(null)
  // Those that need somebody first.
  const rows = useMemo(() => page.data && [...page.data.unreadable, ...page.data.items], [page.data])
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  useShortcut('c', 'Create schedule', () => router.push(paths.newSnapshotSchedule(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newSnapshotSchedule(tenant)} icon={<Plus className="size-4" />}>Create schedule</ButtonLink>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader title="Snapshot schedules" description="Snapshots by themselves, and how many of them are kept." status={<LiveBadge />} primary={create} tabs={<TabLinks label="Volumes and what belongs to them" tabs={volumeTabs(tenant)} />} />
      <div className="pt-4">
        <DataTable
          label="Snapshot schedules"
          columns={columns}
          rows={rows}
          rowKey={(schedule) => schedule.metadata.uid}
          rowName={(schedule) => schedule.metadata.name}
          actions={(schedule) => scheduleActionsFor(tenant, schedule, () => setDeleting(schedule))}
          error={page.error}
          onRetry={() => void page.refetch()}
          stale={page.isPlaceholderData}
          sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
          toolbar={<><SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />{input.search && clear}</>}
          empty={input.search || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No schedule matches. Change the filter or clear it.</EmptyState> : <NoSchedules tenant={tenant} create={create} />}
          footer={page.data && <Pager noun="schedule" shown={page.data.items.length + page.data.unreadable.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
        />
      </div>
      {deleting && <DeleteSchedule tenant={tenant} schedule={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}

function NoSchedules({ tenant, create }: { tenant: string; create: ReactNode }) {
  return (
    <EmptyState icon={<CalendarClock />} title="No schedules yet" actions={<>{create}<ButtonLink href={paths.applyYaml(tenant, { kind: 'SnapshotSchedule' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>
      <p>A schedule takes snapshots of volumes at an interval or by the clock, and deletes those that no rule keeps any more.</p>
      <CodeBlock className="mt-3" label="Manifest of a schedule" code={snapshotScheduleSketch} />
    </EmptyState>
  )
}
