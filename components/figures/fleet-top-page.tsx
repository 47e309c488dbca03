'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Gauge } from 'lucide-react'
import { useMemo } from 'react'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { PageHeader } from '@/components/patterns/page-header'
import { EmptyState } from '@/components/ui/empty-state'
import { Segmented } from '@/components/ui/segmented'
import { topHostColumns, topPodColumns } from './top-columns'
import { topQuery } from './top-query'

const views = [{ value: 'hosts', label: 'Hosts' }, { value: 'pods', label: 'Pods' }] as const

/** Hosts or pods of all tenants by what they use now, for operators. */
export function FleetTopPage() {
  const query = useQueryString()
  const of = views.find((view) => view.value === query.get('of'))?.value ?? 'hosts'
  return (
    <>
      <PageHeader
        title="Top"
        description="What is used now: the mean of the last half minute. A pod’s figures include its virtual machine’s overhead."
        primary={<Segmented label="Show" value={of} options={views} onChange={(next) => query.push({ of: next === 'hosts' ? null : next, sort: null, order: null, cursor: null, from: null })} />}
      />
      {of === 'hosts' ? <Hosts /> : <Pods />}
    </>
  )
}

const refresh = { refetchInterval: 10_000, placeholderData: keepPreviousData } as const

function useSort() {
  const query = useQueryString()
  const input = topQuery(query.get)
  return { input, sort: { by: input.sort, descending: input.descending, onSort: (sort: string, descending: boolean) => query.push({ sort, order: descending ? 'descending' : 'ascending', cursor: null, from: null }) } }
}

function Hosts() {
  const { input, sort } = useSort()
  const hosts = useQuery({ ...useTRPC().figures.fleetHosts.queryOptions(input), ...refresh })
  return (
    <DataTable
      label="Hosts by use"
      columns={topHostColumns}
      rows={hosts.data?.items}
      rowKey={(host) => host.uid}
      rowName={(host) => host.name}
      error={hosts.error}
      onRetry={() => void hosts.refetch()}
      stale={hosts.isPlaceholderData}
      sort={sort}
      empty={<EmptyState icon={<Gauge />} title="No hosts yet">A host appears here when its agent has connected.</EmptyState>}
      footer={hosts.data && <Pager noun="host" shown={hosts.data.items.length} total={hosts.data.total} nextCursor={hosts.data.nextCursor} />}
    />
  )
}

function Pods() {
  const { input, sort } = useSort()
  const pods = useQuery({ ...useTRPC().figures.fleetPods.queryOptions(input), ...refresh })
  const columns = useMemo(() => topPodColumns(null), [])
  return (
    <DataTable
      label="Pods by use"
      columns={columns}
      rows={pods.data?.items}
      rowKey={(pod) => pod.uid}
      rowName={(pod) => pod.name}
      error={pods.error}
      onRetry={() => void pods.refetch()}
      stale={pods.isPlaceholderData}
      sort={sort}
      empty={<EmptyState icon={<Gauge />} title="Nothing is measured now">A pod appears here some 20 seconds after its start, for as long as it runs.</EmptyState>}
      footer={pods.data && <Pager noun="pod" shown={pods.data.items.length} total={pods.data.total} nextCursor={pods.data.nextCursor} />}
    />
  )
}
