'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { FileCode2, Plus, Split } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { BalancerListItem } from '@/domain/load-balancer/view'
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
import { serviceTabs } from '@/components/services/service-tabs'
import { Button, ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { StateBadge } from '@/components/ui/state-badge'
import { TabLinks } from '@/components/ui/tab-links'
import { balancerActionsFor, placeOf } from './balancer-actions'
import { BalancerState } from './balancer-state'
import { BalancerUrl } from './balancer-url'
import { backendsLook, otherEndpoints } from './balancer-words'
import { DeleteBalancer } from './delete-balancer'
import { balancerListInput, pageSizes } from './list-input'
import { balancerSketch } from './sketch'

const nothing = <span className="text-faint">{NOTHING}</span>
const link = 'inline-flex min-h-6 items-center hover:text-accent-content hover:underline'

function Reach({ balancer }: { balancer: BalancerListItem }) {
  const [url] = balancer.status.urls
  const others = otherEndpoints(balancer.ports, balancer.status)
  const [other] = others
  const more = balancer.status.urls.length + others.length - 1
  if (!url && !other) return nothing
  return <span className="flex min-w-0 items-center gap-2">{url ? <BalancerUrl url={url} copy={false} /> : <code className="truncate font-mono text-xs">{other?.text}</code>}{more > 0 && <span className="shrink-0 text-xs text-faint">+ {more}</span>}</span>
}

const columnsOf = (tenant: string): ReadonlyArray<Column<BalancerListItem>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: (balancer) => <Link href={paths.loadBalancer(...placeOf(tenant, balancer))} className={link}>{balancer.metadata.name}</Link> },
  { id: 'state', header: 'State', cell: (balancer) => <BalancerState balancer={balancer} /> },
  { id: 'reach', header: 'Where it answers', from: 'sm', grow: true, cell: (balancer) => <Reach balancer={balancer} /> },
  { id: 'backends', header: 'Backends ready', from: 'md', cell: ({ status }) => { const look = backendsLook(status); return <StateBadge shape={look.shape}>{look.text}</StateBadge> } },
  { id: 'addresses', header: 'Addresses', from: 'xl', cell: ({ status }) => (status.addresses.length > 0 ? <code className="font-mono text-xs">{status.addresses.join(' ')}</code> : nothing) },
  { id: 'source', header: 'From', from: 'lg', cell: ({ source }) => <span className="text-soft">{source}</span> },
  { id: 'namespace', header: 'Namespace', sortBy: 'namespace', from: 'xl', cell: ({ metadata }) => <span className="text-soft">{metadata.namespace}</span> },
  { id: 'created', header: 'Created', sortBy: 'created', from: 'lg', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** A tenant's balancers. `children` is the side form that stands over the list. */
export function BalancerListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = balancerListInput(tenant, query.get)
  const page = useQuery({ ...trpc.loadBalancer.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnChanges('loadBalancer', { tenant, namespace: input.namespace, everyMs: listMs }, trpc.loadBalancer.list.queryKey())
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const [deleting, setDeleting] = useState<BalancerListItem | null>(null)
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  useShortcut('c', 'Create balancer', () => router.push(paths.newLoadBalancer(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newLoadBalancer(tenant)} icon={<Plus className="size-4" />}>Create balancer</ButtonLink>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const filtered = Boolean(input.search ?? input.namespace)
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, namespace: null }))}>Clear filters</Button>
  const chosen = query.get('namespace')
  const names = [...new Set([...(chosen ? [chosen] : []), ...(namespaces.data?.items ?? []).map(({ metadata }) => metadata.name)])]
  return (
    <>
      <PageHeader title="Load balancers" description="Addresses on the outside that lead to pods: TCP and UDP, HTTP by host and path, and TLS with your certificates." status={<LiveBadge />} primary={create} tabs={<TabLinks label="Services and their way in" tabs={serviceTabs(tenant)} />} />
      <div className="h-4" aria-hidden />
      <DataTable
        label="Load balancers"
        columns={columns}
        rows={page.data?.items}
        rowKey={({ metadata }) => metadata.uid}
        rowName={({ metadata }) => metadata.name}
        actions={(balancer) => balancerActionsFor(tenant, balancer, () => setDeleting(balancer))}
        error={page.error}
        onRetry={() => void page.refetch()}
        stale={page.isPlaceholderData}
        sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
        toolbar={(
          <>
            <SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />
            <span className="w-40">
              <Select aria-label="Namespace" value={chosen} onChange={(event) => query.push(filter({ namespace: event.target.value || null }))}>
                <option value="">Any namespace</option>
                {names.map((name) => <option key={name} value={name}>{name}</option>)}
              </Select>
            </span>
            {filtered && clear}
          </>
        )}
        empty={filtered || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No balancer matches. Change the filters or clear them.</EmptyState> : <NoBalancers tenant={tenant} create={create} />}
        footer={page.data && <Pager noun="balancer" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
      />
      {deleting && <DeleteBalancer tenant={tenant} balancer={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}

function NoBalancers({ tenant, create }: { tenant: string; create: ReactNode }) {
  return (
    <EmptyState icon={<Split />} title="No load balancers yet" actions={<>{create}<ButtonLink href={paths.applyYaml(tenant, { kind: 'LoadBalancer' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>
      <p>A balancer has an address on the outside and hands each connection to a pod that is ready.</p>
      <CodeBlock className="mt-3" label="Manifest of a Service with a balancer" code={balancerSketch()} />
    </EmptyState>
  )
}
