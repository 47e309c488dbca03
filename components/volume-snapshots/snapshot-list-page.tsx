'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Camera, HardDrive } from 'lucide-react'
import { useMemo, useState } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { listMs, useRefreshOnChanges } from '@/components/client/use-changes'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { SearchFilter } from '@/components/patterns/data-table/toolbar'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Badge } from '@/components/ui/badge'
import { Button, ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { pageSizes, volumeListInput } from '@/components/volumes/list-input'
import { volumeTabs } from '@/components/volumes/volume-tabs'
import { DeleteSnapshot } from './delete-snapshot'
import { snapshotActionsFor } from './snapshot-actions'
import { snapshotColumns } from './snapshot-columns'

/** All snapshots of a tenant, those of volumes that are gone among them. */
export function SnapshotListPage({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const query = useQueryString()
  const schedule = query.get('schedule')
  const input = { ...volumeListInput(tenant, query.get), ...(schedule && { schedule }) }
  const isFiltered = input.search !== undefined || schedule !== ''
  const page = useQuery({ ...trpc.volumeSnapshot.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnChanges('volumeSnapshot', { tenant, everyMs: listMs }, trpc.volumeSnapshot.list.queryKey())
  const [deleting, setDeleting] = useState<VolumeSnapshotView | null>(null)
  const columns = useMemo(() => snapshotColumns(tenant, false), [tenant])
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, schedule: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader title="Snapshots" description="Volumes as they were at one moment. They stay when their volume goes." status={<LiveBadge />} tabs={<TabLinks label="Volumes and what belongs to them" tabs={volumeTabs(tenant)} />} />
      <div className="pt-4">
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
          toolbar={<><SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />{schedule && <Badge>taken by {schedule}</Badge>}{isFiltered && clear}</>}
          empty={isFiltered || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No snapshot matches. Change the filter or clear it.</EmptyState> : <EmptyState icon={<Camera />} title="No snapshots yet" actions={<ButtonLink href={paths.volumes(tenant)} icon={<HardDrive className="size-4" />}>Show volumes</ButtonLink>}>A snapshot is taken on its volume’s page, or by a schedule.</EmptyState>}
          footer={page.data && <Pager noun="snapshot" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
        />
      </div>
      {deleting && <DeleteSnapshot tenant={tenant} snapshot={deleting} onClose={() => setDeleting(null)} />}
    </>
  )
}
