'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ArrowLeftRight } from 'lucide-react'
import Link from 'next/link'
import { useMemo } from 'react'
import { figureRanges } from '@/domain/figures/levels'
import type { TrafficView } from '@/domain/figures/view'
import { formatBytes, formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { figuresTabs } from '@/components/patterns/shell/navigation'
import { Badge } from '@/components/ui/badge'
import { EmptyState } from '@/components/ui/empty-state'
import { TabLinks } from '@/components/ui/tab-links'
import { RangePicker, rangeLabels } from './timed-charts'

type Row = TrafficView['items'][number]

const columnsOf = (tenant: string): ReadonlyArray<Column<Row>> => [
  { id: 'name', header: 'Name', cell: ({ kind, namespace, name }) => <Link href={kind === 'Pod' ? paths.podFigures(tenant, namespace, name) : paths.service(tenant, namespace, name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'kind', header: 'Kind', cell: ({ kind }) => <Badge>{kind}</Badge> },
  { id: 'namespace', header: 'Namespace', from: 'md', grow: true, cell: ({ namespace }) => <span className="text-soft">{namespace}</span> },
  { id: 'received', header: 'Received', numeric: true, cell: ({ receivedBytes }) => <span className="tabular-nums">{formatBytes(receivedBytes)}</span> },
  { id: 'sent', header: 'Sent', numeric: true, cell: ({ sentBytes }) => <span className="tabular-nums">{formatBytes(sentBytes)}</span> },
  { id: 'connections', header: 'Connections', numeric: true, from: 'sm', cell: ({ connections }) => <span className="tabular-nums text-soft">{connections === null ? NOTHING : connections.toLocaleString('en')}</span> },
]

/** What a tenant's pods and services received and sent over a range. */
export function TrafficPage({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const query = useQueryString()
  const range = figureRanges.find((each) => each === query.get('range')) ?? '24h'
  const traffic = useQuery({ ...trpc.figures.traffic.queryOptions({ tenant, range }), refetchInterval: 60_000, placeholderData: keepPreviousData })
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  const { data } = traffic
  const sum = (kind: Row['kind']) => (data?.items ?? []).filter((row) => row.kind === kind).reduce((total, row) => total + row.receivedBytes + row.sentBytes, 0)
  return (
    <>
      <PageHeader title="Traffic" description="What pods received and sent, and what of it passed through services, the most first; those that are gone included." primary={<RangePicker range={range} onChange={(next) => query.push({ range: next === '24h' ? null : next })} />} tabs={<TabLinks label="Top, traffic and starts" tabs={figuresTabs(tenant)} />} />
      <div className="pt-4">
        <DataTable
          label="Traffic"
          columns={columns}
          rows={data?.items}
          rowKey={(row) => `${row.kind} ${row.uid}`}
          rowName={(row) => row.name}
          error={traffic.error}
          onRetry={() => void traffic.refetch()}
          stale={traffic.isPlaceholderData}
          empty={<EmptyState icon={<ArrowLeftRight />} title={`No traffic in the last ${rangeLabels[range]}`}>Pods are measured while they run, for the first time some 20 seconds after their start.</EmptyState>}
          footer={data && data.items.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(data.total, 'pod or service', 'pods and services')}{data.total > data.items.length && `, the first ${data.items.length}`}. Pods together {formatBytes(sum('Pod'))}, through services {formatBytes(sum('Service'))}.</p>}
        />
      </div>
    </>
  )
}
