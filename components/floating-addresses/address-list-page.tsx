'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { FileCode2, Globe, Plus } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { FloatingAddressView } from '@/domain/floating-address/view'
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
import { serviceTabs } from '@/components/services/service-tabs'
import { Badge } from '@/components/ui/badge'
import { Button, ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { addressActionsFor } from './address-actions'
import { AddressState, LeadsTo } from './address-state'
import { addressListInput, pageSizes } from './list-input'
import { Quota } from './quota'
import { DetachAddress, ReleaseAddress } from './release-address'
import { floatingAddressSketch } from './sketch'

const columnsOf = (tenant: string, withHost: boolean): ReadonlyArray<Column<FloatingAddressView>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { name }, status }) => <span className="inline-flex items-center gap-2"><Link href={paths.floatingAddress(tenant, name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link>{status.managed && <span className="max-md:hidden"><Badge>of its balancer</Badge></span>}</span> },
  { id: 'state', header: 'State', cell: (address) => <AddressState address={address} /> },
  { id: 'address', header: 'Address', cell: ({ status }) => <code className="font-mono text-xs">{status.address}</code> },
  { id: 'target', header: 'Leads to', from: 'sm', grow: true, cell: (address) => <LeadsTo tenant={tenant} address={address} /> },
  { id: 'pool', header: 'Pool', from: 'md', cell: ({ status }) => <span className="text-soft">{status.pool}</span> },
  ...(withHost ? [{ id: 'host', header: 'Host', from: 'lg', cell: ({ status }: FloatingAddressView) => <span className="text-soft">{status.host ?? '—'}</span> } as const] : []),
  { id: 'created', header: 'Created', sortBy: 'created', from: 'md', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** A tenant's floating addresses. `children` is the side form that stands over the list. Hosts are told to operators. */
export function AddressListPage({ tenant, operator, children }: { tenant: string; operator: boolean; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = addressListInput(tenant, query.get)
  const page = useQuery({ ...trpc.floatingAddress.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnChanges('floatingAddress', { tenant, everyMs: listMs }, trpc.floatingAddress.list.queryKey())
  const [asking, setAsking] = useState<{ what: 'detach' | 'release'; address: FloatingAddressView } | null>(null)
  const rows = page.data?.items
  const columns = useMemo(() => columnsOf(tenant, operator), [tenant, operator])
  useShortcut('c', 'Allocate address', () => router.push(paths.newFloatingAddress(tenant)))
  const allocate = <ButtonLink variant="primary" href={paths.newFloatingAddress(tenant)} icon={<Plus className="size-4" />}>Allocate address</ButtonLink>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader
        title="Floating addresses"
        description="Addresses of the outside. One leads to a pod, or to a balancer, and is moved without a change of names that point to it."
        status={<LiveBadge />}
        primary={allocate}
        tabs={<TabLinks label="Services and their way in" tabs={serviceTabs(tenant)} />}
      />
      <div className="flex flex-col gap-3 pt-4">
        <Quota tenant={tenant} />
        <DataTable
          label="Floating addresses"
          columns={columns}
          rows={rows}
          rowKey={(address) => address.metadata.uid}
          rowName={(address) => address.metadata.name}
          actions={(address) => addressActionsFor(tenant, address, { onDetach: () => setAsking({ what: 'detach', address }), onRelease: () => setAsking({ what: 'release', address }) })}
          error={page.error}
          onRetry={() => void page.refetch()}
          stale={page.isPlaceholderData}
          sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
          toolbar={<><SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />{input.search && clear}</>}
          empty={input.search || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No floating address matches. Change the filter or clear it.</EmptyState> : <NoAddresses tenant={tenant} allocate={allocate} />}
          footer={page.data && <Pager noun="floating address" plural="floating addresses" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
        />
      </div>
      {asking?.what === 'detach' && <DetachAddress tenant={tenant} address={asking.address} onClose={() => setAsking(null)} />}
      {asking?.what === 'release' && <ReleaseAddress tenant={tenant} address={asking.address} onClose={() => setAsking(null)} />}
      {children}
    </>
  )
}

function NoAddresses({ tenant, allocate }: { tenant: string; allocate: ReactNode }) {
  return (
    <EmptyState icon={<Globe />} title="No floating addresses yet" actions={<>{allocate}<ButtonLink href={paths.applyYaml(tenant, { kind: 'FloatingAddress' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>
      <p>Pods and services have addresses of their network alone; the outside reaches them by one of these.</p>
      <CodeBlock className="mt-3" label="Manifest of a floating address" code={floatingAddressSketch} />
    </EmptyState>
  )
}
