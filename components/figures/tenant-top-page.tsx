'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Gauge } from 'lucide-react'
import { useMemo } from 'react'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { PageHeader } from '@/components/patterns/page-header'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { topPodColumns } from './top-columns'
import { topQuery } from './top-query'

/** The tenant's pods by what they use now. */
export function TenantTopPage({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const query = useQueryString()
  const input = topQuery(query.get)
  const pods = useQuery({ ...trpc.figures.top.queryOptions({ tenant, ...input }), refetchInterval: 10_000, placeholderData: keepPreviousData })
  const columns = useMemo(() => topPodColumns(tenant), [tenant])
  return (
    <>
      <PageHeader title="Top" description="What pods use now, the virtual machine’s overhead included: the mean of the last half minute." />
      <DataTable
        label="Pods by use"
        columns={columns}
        rows={pods.data?.items}
        rowKey={(pod) => pod.uid}
        rowName={(pod) => pod.name}
        error={pods.error}
        onRetry={() => void pods.refetch()}
        stale={pods.isPlaceholderData}
        sort={{ by: input.sort, descending: input.descending, onSort: (sort, descending) => query.push({ sort, order: descending ? 'descending' : 'ascending', cursor: null, from: null }) }}
        empty={<EmptyState icon={<Gauge />} title="Nothing is measured now" actions={<ButtonLink href={paths.pods(tenant)}>Show pods</ButtonLink>}>A pod appears here some 20 seconds after its start, for as long as it runs.</EmptyState>}
        footer={pods.data && <Pager noun="pod" shown={pods.data.items.length} total={pods.data.total} nextCursor={pods.data.nextCursor} />}
      />
    </>
  )
}
