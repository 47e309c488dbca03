'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Gauge } from 'lucide-react'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { PageHeader } from '@/components/patterns/page-header'
import { EmptyState } from '@/components/ui/empty-state'
import { Segmented } from '@/components/ui/segmented'
import { topHostColumns } from './top-columns'
import { TopPodsTable } from './top-pods-table'
import { useTopSort } from './use-top-sort'

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

function Hosts() {
  const { input, sort } = useTopSort()
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
  const { input, sort } = useTopSort()
  const pods = useQuery({ ...useTRPC().figures.fleetPods.queryOptions(input), ...refresh })
  return <TopPodsTable tenant={null} pods={pods} sort={sort} />
}
