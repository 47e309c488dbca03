'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Plus, ShieldHalf } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState } from 'react'
import type { NetworkPolicyView } from '@/domain/network-policy/view'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { SearchFilter } from '@/components/patterns/data-table/toolbar'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { pageSizes } from '@/components/security-groups/list-input'
import { rulesTabs } from '@/components/security-groups/rules-tabs'
import { Button, ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteNetworkPolicy } from './delete-network-policy'
import { policyListInput } from './list-input'
import { networkPolicyActionsFor } from './network-policy-actions'
import { selectorText } from './selector-words'

const columnsOf = (tenant: string): ReadonlyArray<Column<NetworkPolicyView>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { namespace, name } }) => <Link href={paths.networkPolicy(tenant, namespace, name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'namespace', header: 'Namespace', sortBy: 'namespace', from: 'sm', cell: ({ metadata }) => <span className="text-soft">{metadata.namespace}</span> },
  { id: 'types', header: 'Directions', cell: ({ spec }) => <span className="text-soft">{spec.policyTypes.map((type) => (type === 'Ingress' ? 'in' : 'out')).join(' and ')}</span> },
  { id: 'pods', header: 'Pods', numeric: true, cell: ({ status }) => <span className="text-soft">{status.pods}</span> },
  { id: 'selector', header: 'Selects', from: 'md', grow: true, cell: ({ spec }) => <code className="block truncate font-mono text-xs text-soft">{selectorText(spec.podSelector)}</code> },
  { id: 'network', header: 'Network', from: 'lg', cell: ({ status }) => <span className="text-soft">{status.network}</span> },
  { id: 'created', header: 'Created', sortBy: 'created', from: 'md', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** A tenant's network policies. */
export function NetworkPolicyListPage({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = policyListInput(tenant, query.get)
  const page = useQuery({ ...trpc.networkPolicy.list.queryOptions(input), placeholderData: keepPreviousData })
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  useRefreshOnPodEvents(tenant, trpc.networkPolicy.list.queryKey())
  const [deleting, setDeleting] = useState<NetworkPolicyView | null>(null)
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  const sketch = paths.applyYaml(tenant, { kind: 'NetworkPolicy' })
  useShortcut('c', 'Create network policy', () => router.push(sketch))
  const create = <ButtonLink variant="primary" href={sketch} icon={<Plus className="size-4" />}>Create network policy</ButtonLink>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const filtered = Boolean(input.search ?? input.namespace)
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, namespace: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader title="Network policies" description="Kubernetes’ NetworkPolicy, carried out by the same engine as security groups: a change takes effect at once." primary={create} tabs={<TabLinks label="Rules" tabs={rulesTabs(tenant)} />} />
      <div className="pt-4">
        <DataTable
          label="Network policies"
          columns={columns}
          rows={page.data?.items}
          rowKey={(policy) => policy.metadata.uid}
          rowName={(policy) => policy.metadata.name}
          actions={(policy) => networkPolicyActionsFor(tenant, policy, () => setDeleting(policy))}
          error={page.error}
          onRetry={() => void page.refetch()}
          stale={page.isPlaceholderData}
          sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
          toolbar={(
            <>
              <SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />
              <span className="w-40">
                <Select aria-label="Namespace" value={query.get('namespace')} onChange={(event) => query.push(filter({ namespace: event.target.value || null }))}>
                  <option value="">Any namespace</option>
                  {(namespaces.data?.items ?? []).map(({ metadata: { name } }) => <option key={name} value={name}>{name}</option>)}
                </Select>
              </span>
              {filtered && clear}
            </>
          )}
          empty={filtered || input.cursor
            ? <EmptyState title="No results for these filters" actions={clear}>No network policy matches. Change the filters or clear them.</EmptyState>
            : <EmptyState icon={<ShieldHalf />} title="No network policies yet" actions={create}>Manifests of Kubernetes apply as they are; a security group says the same with rules to click.</EmptyState>}
          footer={page.data && page.data.items.length > 0 && <Pager noun="network policy" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
        />
      </div>
      {deleting && <DeleteNetworkPolicy tenant={tenant} policy={deleting} onClose={() => setDeleting(null)} />}
    </>
  )
}
