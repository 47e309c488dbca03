'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { CalendarClock, Camera, FileCode2 } from 'lucide-react'
import { useMemo, useState, type ReactNode } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import type { VolumePhase } from '@/domain/volume/state'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { listMs, useRefreshOnChanges } from '@/components/client/use-changes'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { SearchFilter } from '@/components/patterns/data-table/toolbar'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Badge } from '@/components/ui/badge'
import { Button, ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { ChooseVolume } from '@/components/volumes/choose-volume'
import { pageSizes, volumeListInput } from '@/components/volumes/list-input'
import { namesOf, StateFilter } from '@/components/volumes/state-filter'
import { volumeSnapshotSketch } from '@/components/volumes/sketch'
import { VolumeQuota } from '@/components/volumes/volume-quota'
import { volumeTabs } from '@/components/volumes/volume-tabs'
import { DeleteSnapshot } from './delete-snapshot'
import { snapshotActionsFor } from './snapshot-actions'
import { snapshotColumns } from './snapshot-columns'
import { looks } from './words'

/** All snapshots of a tenant, those of volumes that are gone among them. */
export function SnapshotListPage({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const query = useQueryString()
  const schedule = query.get('schedule')
  const input = { ...volumeListInput(tenant, query.get, namesOf(looks)), ...(schedule && { schedule }) }
  const isFiltered = input.search !== undefined || input.phase !== undefined || schedule !== ''
  const page = useQuery({ ...trpc.volumeSnapshot.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnChanges('volumeSnapshot', { tenant, everyMs: listMs }, trpc.volumeSnapshot.list.queryKey(), trpc.volume.offer.queryKey())
  const [deleting, setDeleting] = useState<VolumeSnapshotView | null>(null)
  const [taking, setTaking] = useState(false)
  const columns = useMemo(() => snapshotColumns(tenant, false), [tenant])
  useShortcut('c', 'Take snapshot', () => setTaking(true))
  const take = <Button variant="primary" icon={<Camera className="size-4" />} onClick={() => setTaking(true)}>Take snapshot</Button>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, state: null, schedule: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader title="Snapshots" description="Volumes as they were at one moment. They stay when their volume goes." status={<LiveBadge />} primary={take} tabs={<TabLinks label="Volumes and what belongs to them" tabs={volumeTabs(tenant)} />} />
      <div className="flex flex-col gap-3 pt-4">
        <VolumeQuota tenant={tenant} />
        <DataTable
          label="Snapshots"
          columns={columns}
          rows={page.data?.items}
          rowKey={(snapshot) => snapshot.metadata.uid}
          rowName={(snapshot) => snapshot.metadata.name}
          actions={(snapshot) => snapshotActionsFor(tenant, snapshot, null, { onDelete: () => setDeleting(snapshot) })}
          error={page.error}
          onRetry={() => void page.refetch()}
          stale={page.isPlaceholderData}
          sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
          toolbar={<><SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} /><StateFilter looks={looks} />{schedule && <Badge>taken by {schedule}</Badge>}{isFiltered && clear}</>}
          empty={isFiltered || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No snapshot matches. Change the filters or clear them.</EmptyState> : <NoSnapshots tenant={tenant} take={take} />}
          footer={page.data && <Pager noun="snapshot" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
        />
      </div>
      {taking && <ChooseVolume tenant={tenant} title="Take a snapshot" go="Choose how" hint="Of which volume" may={({ status }) => mayBeTaken.has(status.phase)} hrefOf={(volume) => paths.takeSnapshot(tenant, volume)} onClose={() => setTaking(false)} />}
      {deleting && <DeleteSnapshot tenant={tenant} name={deleting.metadata.name} onClose={() => setDeleting(null)} />}
    </>
  )
}

/** Of what is not stored, or nobody can reach, none is taken; the form says more of the others. */
const mayBeTaken: ReadonlySet<VolumePhase> = new Set(['Available', 'Attaching', 'InUse', 'Detaching', 'Growing'])

function NoSnapshots({ tenant, take }: { tenant: string; take: ReactNode }) {
  return (
    <EmptyState icon={<Camera />} title="No snapshots yet" actions={<>{take}<ButtonLink href={paths.newSnapshotSchedule(tenant)} icon={<CalendarClock className="size-4" />}>Create schedule</ButtonLink><ButtonLink href={paths.applyYaml(tenant, { kind: 'VolumeSnapshot' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>
      <p>A snapshot keeps what a volume has at one moment. The volume can go back to it, and new volumes are made of it at once. A schedule takes them by itself.</p>
      <CodeBlock className="mt-3" label="Manifest of a snapshot" code={volumeSnapshotSketch} />
    </EmptyState>
  )
}
