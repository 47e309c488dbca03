'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { FileCode2, HardDrive, Plus } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { VolumeView } from '@/domain/volume/view'
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
import { Ago, Exact } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Button, ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { Segmented } from '@/components/ui/segmented'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteVolume } from './delete-volume'
import { pageSizes, volumeListInput } from './list-input'
import { RestoreVolume } from './restore-volume'
import { volumeSketch } from './sketch'
import { namesOf, StateFilter } from './state-filter'
import { StopRevert } from './stop-revert'
import { UsageCell } from './usage-bar'
import { UsedBy } from './used-by'
import { volumeActionsFor } from './volume-actions'
import { VolumeQuota } from './volume-quota'
import { VolumeState } from './volume-state'
import { volumeTabs } from './volume-tabs'
import { looks } from './words'

/** What is deleted stands in a list of its own. */
const phases = namesOf(looks).filter((phase) => phase !== 'Deleted')

type VolumeColumn = Column<VolumeView>
const state: VolumeColumn = { id: 'state', header: 'State', cell: (volume) => <VolumeState volume={volume} /> }
const storageClass: VolumeColumn = { id: 'class', header: 'Class', from: 'md', cell: ({ status }) => <span className="text-soft">{status.storageClass}</span> }

const columnsOf = (tenant: string, withHost: boolean): readonly VolumeColumn[] => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { name }, status }) => <span className="inline-flex items-center gap-2"><Link href={paths.volume(tenant, name)} title={name} className="inline-flex min-h-6 max-w-32 items-center sm:max-w-60 hover:text-accent-content hover:underline"><span className="truncate">{name}</span></Link>{status.claim && <span className="max-lg:hidden"><Badge>of a claim</Badge></span>}</span> },
  state,
  { id: 'use', header: 'Used', from: 'sm', cell: (volume) => <UsageCell volume={volume} /> },
  { id: 'pods', header: 'Pod', from: 'sm', grow: true, cell: ({ status }) => <UsedBy tenant={tenant} attachments={status.attachments} /> },
  storageClass,
  ...(withHost ? [{ id: 'host', header: 'Host', from: 'xl', cell: ({ status }: VolumeView) => <span className="text-soft">{status.host ?? status.homeHost ?? NOTHING}</span> } as const] : []),
  { id: 'created', header: 'Created', sortBy: 'created', from: 'md', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** Of those that can be restored there may be several of one name. */
const deletedColumns: readonly VolumeColumn[] = [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { name } }) => name },
  state,
  { id: 'use', header: 'Used', from: 'sm', grow: true, cell: (volume) => <UsageCell volume={volume} /> },
  storageClass,
  { id: 'deleted', header: 'Deleted', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.deletionTimestamp} /></span> },
  { id: 'until', header: 'Can be restored', from: 'sm', cell: ({ status }) => <Until time={status.restorableUntil} /> },
]

const Until = ({ time }: { time: string | null }) => <span className="text-soft">{time === null ? NOTHING : <>until <Exact time={time} /></>}</span>

/** A tenant's volumes, or those that it deleted and can restore. `children` is the side form that stands over the list. Hosts are told to operators. */
export function VolumeListPage({ tenant, operator, children }: { tenant: string; operator: boolean; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const deleted = query.get('deleted') === '1'
  const input = { ...volumeListInput(tenant, query.get, deleted ? [] : phases), ...(deleted && { deleted }) }
  const isFiltered = Boolean(input.search ?? input.phase)
  const page = useQuery({ ...trpc.volume.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnChanges('volume', { tenant, everyMs: listMs }, trpc.volume.list.queryKey(), trpc.volume.offer.queryKey())
  const [asking, setAsking] = useState<{ what: 'delete' | 'restore' | 'stopRevert'; volume: VolumeView } | null>(null)
  const columns = useMemo(() => (deleted ? deletedColumns : columnsOf(tenant, operator)), [tenant, operator, deleted])
  useShortcut('c', 'Create volume', () => router.push(paths.newVolume(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newVolume(tenant)} icon={<Plus className="size-4" />}>Create volume</ButtonLink>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, state: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader title="Volumes" description="Disks that outlive pods. One pod writes a volume, wherever it runs." status={<LiveBadge />} primary={create} tabs={<TabLinks label="Volumes and what belongs to them" tabs={volumeTabs(tenant)} />} />
      <div className="flex flex-col gap-3 pt-4">
        <VolumeQuota tenant={tenant} />
        <DataTable
          label={deleted ? 'Deleted volumes' : 'Volumes'}
          columns={columns}
          rows={page.data?.items}
          rowKey={(volume) => volume.metadata.uid}
          rowName={(volume) => volume.metadata.name}
          actions={(volume) => volumeActionsFor(tenant, volume, { onDelete: () => setAsking({ what: 'delete', volume }), onRestore: () => setAsking({ what: 'restore', volume }), onStopRevert: () => setAsking({ what: 'stopRevert', volume }) })}
          error={page.error}
          onRetry={() => void page.refetch()}
          stale={page.isPlaceholderData}
          sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
          toolbar={<><SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />{!deleted && <StateFilter looks={looks} names={phases} />}<Segmented label="Which volumes" value={deleted ? 'deleted' : 'there'} onChange={(next) => query.push(filter({ deleted: next === 'deleted' ? '1' : null, state: null }))} options={[{ value: 'there', label: 'Current' }, { value: 'deleted', label: 'Deleted', hint: 'Those that can be restored still' }]} />{isFiltered && clear}</>}
          empty={isFiltered || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No volume matches. Change the filters or clear them.</EmptyState> : deleted ? <EmptyState icon={<HardDrive />} title="No deleted volumes">What is deleted stays here for a while, and can be restored with all that is on it.</EmptyState> : <NoVolumes tenant={tenant} create={create} />}
          footer={page.data && <Pager noun="volume" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
        />
      </div>
      {asking?.what === 'delete' && <DeleteVolume tenant={tenant} volume={asking.volume} onClose={() => setAsking(null)} />}
      {asking?.what === 'stopRevert' && <StopRevert tenant={tenant} volume={asking.volume} onClose={() => setAsking(null)} />}
      {asking?.what === 'restore' && <RestoreVolume tenant={tenant} volume={asking.volume} onClose={() => setAsking(null)} />}
      {children}
    </>
  )
}

function NoVolumes({ tenant, create }: { tenant: string; create: ReactNode }) {
  return (
    <EmptyState icon={<HardDrive />} title="No volumes yet" actions={<>{create}<ButtonLink href={paths.applyYaml(tenant, { kind: 'Volume' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>
      <p>What a pod writes is gone with it. What it writes to a volume stays, and another pod goes on with it.</p>
      <CodeBlock className="mt-3" label="Manifest of a volume" code={volumeSketch} />
    </EmptyState>
  )
}
