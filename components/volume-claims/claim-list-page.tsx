'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { FileCode2, HardDrive, Plus } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
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
import { Ago } from '@/components/patterns/time'
import { Button, ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { pageSizes, volumeListInput } from '@/components/volumes/list-input'
import { namesOf, StateFilter } from '@/components/volumes/state-filter'
import { volumeClaimSketch } from '@/components/volumes/sketch'
import { volumeTabs } from '@/components/volumes/volume-tabs'
import { claimActionsFor } from './claim-actions'
import { claimSize, ClaimState, looks } from './claim-state'
import { DeleteClaim } from './delete-claim'

const nothing = <span className="text-faint">{NOTHING}</span>
const columnsOf = (tenant: string): ReadonlyArray<Column<VolumeClaimView>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { namespace = 'default', name } }) => <Link href={paths.volumeClaim(tenant, namespace, name)} title={name} className="inline-flex min-h-6 max-w-40 items-center sm:max-w-60 hover:text-accent-content hover:underline"><span className="truncate">{name}</span></Link> },
  { id: 'state', header: 'State', cell: (claim) => <ClaimState claim={claim} /> },
  { id: 'namespace', header: 'Namespace', from: 'md', cell: ({ metadata }) => <span className="text-soft">{metadata.namespace}</span> },
  { id: 'volume', header: 'Volume', from: 'sm', cell: ({ status }) => (status.volume === null ? nothing : <Link href={paths.volume(tenant, status.volume)} className="inline-flex min-h-6 max-w-60 items-center text-accent-content hover:underline"><span className="truncate">{status.volume}</span></Link>) },
  { id: 'size', header: 'Size', from: 'sm', cell: (claim) => <span className="text-soft">{claimSize(claim)}</span> },
  { id: 'pods', header: 'Pods', from: 'md', grow: true, cell: ({ metadata: { namespace = 'default' }, status: { usedBy } }) => (usedBy.length === 0 ? nothing : <span className="flex gap-x-3 overflow-hidden">{usedBy.slice(0, 3).map((name) => <Link key={name} href={paths.pod(tenant, namespace, name)} className="inline-flex min-h-6 items-center truncate text-accent-content hover:underline">{name}</Link>)}{usedBy.length > 3 && <span className="shrink-0 text-xs text-faint">and {usedBy.length - 3} more</span>}</span>) },
  { id: 'class', header: 'Class', from: 'lg', cell: ({ status }) => (status.storageClass === null ? nothing : <span className="text-soft">{status.storageClass}</span>) },
  { id: 'created', header: 'Created', sortBy: 'created', from: 'sm', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** A tenant's claims, as Kubernetes has them. `children` is the side form that stands over the list. */
export function ClaimListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const namespace = query.get('namespace')
  const input = { ...volumeListInput(tenant, query.get, namesOf(looks)), ...(namespace && { namespace }) }
  const page = useQuery({ ...trpc.volumeClaim.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnChanges('volumeClaim', { tenant, everyMs: listMs }, trpc.volumeClaim.list.queryKey())
  const [deleting, setDeleting] = useState<VolumeClaimView | null>(null)
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  useShortcut('c', 'Create claim', () => router.push(paths.newVolumeClaim(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newVolumeClaim(tenant)} icon={<Plus className="size-4" />}>Create claim</ButtonLink>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const isFiltered = input.search !== undefined || input.phase !== undefined || namespace !== ''
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, state: null, namespace: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader title="Claims" description="A claim asks for a volume and has it by its name in a namespace, as manifests of Kubernetes do." status={<LiveBadge />} primary={create} tabs={<TabLinks label="Volumes and what belongs to them" tabs={volumeTabs(tenant)} />} />
      <div className="pt-4">
        <DataTable
          label="Claims"
          columns={columns}
          rows={page.data?.items}
          rowKey={(claim) => claim.metadata.uid}
          rowName={(claim) => claim.metadata.name}
          actions={(claim) => claimActionsFor(tenant, claim, () => setDeleting(claim))}
          error={page.error}
          onRetry={() => void page.refetch()}
          stale={page.isPlaceholderData}
          sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
          toolbar={<><SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} /><StateFilter looks={looks} />{isFiltered && clear}</>}
          empty={isFiltered || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No claim matches. Change the filters or clear them.</EmptyState> : <NoClaims tenant={tenant} create={create} />}
          footer={page.data && <Pager noun="claim" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
        />
      </div>
      {deleting && <DeleteClaim tenant={tenant} claim={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}

function NoClaims({ tenant, create }: { tenant: string; create: ReactNode }) {
  return (
    <EmptyState icon={<HardDrive />} title="No claims yet" actions={<>{create}<ButtonLink href={paths.applyYaml(tenant, { kind: 'PersistentVolumeClaim' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>
      <p>Manifests that were written for Kubernetes ask for volumes by claims. Others name a volume itself.</p>
      <CodeBlock className="mt-3" label="Manifest of a claim" code={volumeClaimSketch} />
    </EmptyState>
  )
}
