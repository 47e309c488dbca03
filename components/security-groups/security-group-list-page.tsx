'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { FileCode2, Plus, ShieldCheck } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { SecurityGroupView } from '@/domain/security-group/view'
import { NOTHING } from '@/components/client/formats'
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
import { Button, ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteSecurityGroup } from './delete-security-group'
import { groupListInput, pageSizes } from './list-input'
import { rulesTabs } from './rules-tabs'
import { securityGroupActionsFor } from './security-group-actions'

const columnsOf = (tenant: string): ReadonlyArray<Column<SecurityGroupView>> => [
  { id: 'name', header: 'Name', sortBy: 'name', cell: ({ metadata: { name } }) => <Link href={paths.securityGroup(tenant, name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'network', header: 'Network', from: 'sm', cell: ({ spec }) => <span className="text-soft">{spec.network}</span> },
  { id: 'in', header: 'Rules in', numeric: true, cell: ({ spec }) => <span className="text-soft">{spec.rules.filter((rule) => rule.direction === 'ingress').length}</span> },
  { id: 'out', header: 'Rules out', numeric: true, from: 'sm', cell: ({ spec }) => <span className="text-soft">{spec.rules.filter((rule) => rule.direction === 'egress').length}</span> },
  { id: 'pods', header: 'Pods', numeric: true, cell: ({ status }) => <span className="text-soft">{status.pods}</span> },
  { id: 'description', header: 'Description', from: 'lg', grow: true, cell: ({ spec }) => <span className="block truncate text-soft">{spec.description || NOTHING}</span> },
  { id: 'created', header: 'Created', sortBy: 'created', from: 'md', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** A tenant's security groups. `children` is the side form that stands over the list. */
export function SecurityGroupListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const input = groupListInput(tenant, query.get)
  const page = useQuery({ ...trpc.securityGroup.list.queryOptions(input), placeholderData: keepPreviousData })
  const networks = useQuery(trpc.network.list.queryOptions({ tenant }))
  useRefreshOnPodEvents(tenant, trpc.securityGroup.list.queryKey())
  const [deleting, setDeleting] = useState<SecurityGroupView | null>(null)
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  useShortcut('c', 'Create security group', () => router.push(paths.newSecurityGroup(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newSecurityGroup(tenant)} icon={<Plus className="size-4" />}>Create security group</ButtonLink>
  const filter = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
  const filtered = Boolean(input.search ?? input.network)
  const clear = <Button variant="ghost" onClick={() => query.push(filter({ q: null, network: null }))}>Clear filters</Button>
  return (
    <>
      <PageHeader title="Security groups" description="What may come in to pods and leave them, by rules. A change takes effect at once, for connections that are open too." primary={create} tabs={<TabLinks label="Rules" tabs={rulesTabs(tenant)} />} />
      <div className="pt-4"><DataTable
        label="Security groups"
        columns={columns}
        rows={page.data?.items}
        rowKey={(group) => group.metadata.uid}
        rowName={(group) => group.metadata.name}
        actions={(group) => securityGroupActionsFor(tenant, group, () => setDeleting(group))}
        error={page.error}
        onRetry={() => void page.refetch()}
        stale={page.isPlaceholderData}
        sort={{ by: input.sort, descending: input.descending, onSort: (by, descending) => query.push(filter({ sort: by, order: descending ? 'descending' : 'ascending' })) }}
        toolbar={(
          <>
            <SearchFilter label="Filter by name" value={query.get('q')} onChange={(q) => query.replace(filter({ q: q || null }))} />
            <span className="w-40">
              <Select aria-label="Network" value={query.get('network')} onChange={(event) => query.push(filter({ network: event.target.value || null }))}>
                <option value="">Any network</option>
                {(networks.data?.items ?? []).map(({ metadata: { name } }) => <option key={name} value={name}>{name}</option>)}
              </Select>
            </span>
            {filtered && clear}
          </>
        )}
        empty={filtered || input.cursor
          ? <EmptyState title="No results for these filters" actions={clear}>No security group matches. Change the filters or clear them.</EmptyState>
          : <EmptyState icon={<ShieldCheck />} title="No security groups yet" actions={<>{create}<ButtonLink href={paths.applyYaml(tenant, { kind: 'SecurityGroup' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>Without one, pods of a network reach each other, nothing from outside reaches them, and everything may leave them.</EmptyState>}
        footer={page.data && page.data.items.length > 0 && <Pager noun="security group" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={pageSizes} />}
      /></div>
      {deleting && <DeleteSecurityGroup tenant={tenant} name={deleting.metadata.name} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}
