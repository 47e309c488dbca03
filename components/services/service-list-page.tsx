'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { FileCode2, Plus, Tag, Waypoints } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { ServiceView } from '@/domain/service/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { listMs, useRefreshOnChanges } from '@/components/client/use-changes'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { SearchFilter, TextFilter } from '@/components/patterns/data-table/toolbar'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { Button, ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { StateBadge } from '@/components/ui/state-badge'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteService } from './delete-service'
import { pageSizes, serviceListInput } from './list-input'
import { serviceActionsFor } from './service-actions'
import { serviceTabs } from './service-tabs'
import { serviceSketch } from './sketch'
import { endpointsLook, portText, typeName } from './words'

const nothing = <span className="text-faint">{NOTHING}</span>
const link = 'inline-flex min-h-6 items-center hover:text-accent-content hover:underline'

const columnsOf = (tenant: string): ReadonlyArray<Column<ServiceView>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { namespace, name } }) => <Link href={paths.service(tenant, namespace, name)} className={link}>{name}</Link> },
  { id: 'endpoints', header: 'Endpoints ready', cell: (service) => { const look = endpointsLook(service); return look ? <StateBadge shape={look.shape}>{look.text}</StateBadge> : nothing } },
  { id: 'type', header: 'Type', from: 'sm', cell: ({ spec }) => <span className="text-soft">{typeName(spec)}</span> },
  { id: 'addresses', header: 'Addresses', from: 'md', cell: ({ spec, status }) => spec.externalName ? <code className="font-mono text-xs text-soft">{spec.externalName}</code> : status.addresses.length > 0 ? <code className="font-mono text-xs">{status.addresses.join(' ')}</code> : nothing },
  { id: 'ports', header: 'Ports', from: 'lg', grow: true, cell: ({ spec }) => <code title={spec.ports.map(portText).join(', ')} className="block truncate font-mono text-xs text-soft">{spec.ports.map(portText).join(', ') || NOTHING}</code> },
  { id: 'namespace', header: 'Namespace', sortBy: 'namespace', from: 'lg', cell: ({ metadata }) => <span className="text-soft">{metadata.namespace}</span> },
  { id: 'network', header: 'Network', from: 'xl', cell: ({ status }) => <Link href={paths.network(tenant, status.network)} className={`${link} text-soft`}>{status.network}</Link> },
  { id: 'created', header: 'Created', sortBy: 'created', from: 'sm', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** A tenant's services. `children` is the side form that stands over the list. */
export function ServiceListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = serviceListInput(tenant, query.get)
  const page = useQuery({ ...trpc.service.list.queryOptions(input), placeholderData: keepPreviousData })
  useRefreshOnChanges('service', { tenant, namespace: input.namespace, everyMs: listMs }, trpc.service.list.queryKey())
  const [deleting, setDeleting] = useState<ServiceView | null>(null)
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  useShortcut('c', 'Create service', () => router.push(paths.newService(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newService(tenant)} icon={<Plus className="size-4" />}>Create service</ButtonLink>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const filtered = Boolean(input.search ?? input.namespace ?? input.network ?? input.labelSelector)
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, namespace: null, network: null, labels: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader title="Services" description="One name and address for the pods that a selector chooses; connections go to those that are ready." status={<LiveBadge />} primary={create} tabs={<TabLinks label="Services and their way in" tabs={serviceTabs(tenant)} />} />
      <div className="pt-4"><DataTable
        label="Services"
        columns={columns}
        rows={page.data?.items}
        rowKey={(service) => service.metadata.uid}
        rowName={(service) => service.metadata.name}
        actions={(service) => serviceActionsFor(tenant, service, () => setDeleting(service))}
        error={page.error}
        onRetry={() => void page.refetch()}
        stale={page.isPlaceholderData}
        sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
        toolbar={(
          <>
            <SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />
            <ScopeFilters tenant={tenant} namespace={query.get('namespace')} network={query.get('network')} onChange={(patch) => query.push(filter(patch))} />
            <TextFilter label="Labels, such as app=web" value={query.get('labels')} onChange={(labels) => query.replace(filter({ labels: labels || null }))} icon={<Tag className="size-3.5" />} />
            {filtered && clear}
          </>
        )}
        empty={filtered || input.cursor ? <EmptyState title="No results for these filters" actions={clear}>No service matches. Change the filters or clear them.</EmptyState> : <NoServices tenant={tenant} create={create} />}
        footer={page.data && <Pager noun="service" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
      /></div>
      {deleting && <DeleteService tenant={tenant} service={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}

function ScopeFilters({ tenant, namespace, network, onChange }: { tenant: string; namespace: string; network: string; onChange: (patch: Record<string, string | null>) => void }) {
  const trpc = useTRPC()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const networks = useQuery(trpc.network.list.queryOptions({ tenant }))
  const withChosen = (chosen: string, items: ReadonlyArray<{ metadata: { name: string } }> | undefined) => [...new Set([...(chosen ? [chosen] : []), ...(items ?? []).map(({ metadata }) => metadata.name)])]
  const choices = [['Namespace', 'namespace', namespace, withChosen(namespace, namespaces.data?.items)], ['Network', 'network', network, withChosen(network, networks.data?.items)]] as const
  return choices.map(([label, key, chosen, names]) => (
    <span key={key} className="w-40">
      <Select aria-label={label} value={chosen} onChange={(event) => onChange({ [key]: event.target.value || null })}>
        <option value="">{`Any ${label.toLowerCase()}`}</option>
        {names.map((name) => <option key={name} value={name}>{name}</option>)}
      </Select>
    </span>
  ))
}

function NoServices({ tenant, create }: { tenant: string; create: ReactNode }) {
  return (
    <EmptyState icon={<Waypoints />} title="No services yet" actions={<>{create}<ButtonLink href={paths.applyYaml(tenant, { kind: 'Service' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>
      <p>A service keeps one name and one address while the pods behind it come and go.</p>
      <CodeBlock className="mt-3" label="Manifest of a service" code={serviceSketch()} />
    </EmptyState>
  )
}
