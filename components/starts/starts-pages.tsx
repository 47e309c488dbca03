'use client'
import { useQuery } from '@tanstack/react-query'
import { Timer } from 'lucide-react'
import type { StartPercentiles } from '@/domain/pod/start-view'
import { formatCount } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { figuresTabs } from '@/components/patterns/shell/navigation'
import { EmptyState } from '@/components/ui/empty-state'
import { Segmented } from '@/components/ui/segmented'
import { TabLinks } from '@/components/ui/tab-links'
import { percentileColumns } from './percentile-columns'

const ranges = [{ value: '1', label: '24h', hint: 'The last 24 hours' }, { value: '7', label: '7d', hint: 'The last 7 days' }, { value: '30', label: '30d', hint: 'The last 30 days' }] as const
const tenantColumns = percentileColumns(false)
const fleetColumns = percentileColumns(true)
const description = 'From the accepted request to the first process, for pods that started for the first time.'

function useDays() {
  const query = useQueryString()
  const value = ranges.find((each) => each.value === query.get('days'))?.value ?? '30'
  return { days: Number(value), picker: <Segmented label="Range" value={value} options={ranges} onChange={(next) => query.push({ days: next === '30' ? null : next })} /> }
}

/** How long the tenant's pods took to start, by image. */
export function TenantStartsPage({ tenant }: { tenant: string }) {
  const { days, picker } = useDays()
  const starts = useQuery(useTRPC().start.percentiles.queryOptions({ tenant, days }))
  return (
    <>
      <PageHeader title="Starts" description={description} primary={picker} tabs={<TabLinks label="Top and starts" tabs={figuresTabs(tenant)} />} />
      <div className="pt-4"><Table columns={tenantColumns} rows={starts.data?.items} error={starts.error} onRetry={() => void starts.refetch()} /></div>
    </>
  )
}

/** How long pods of all tenants took to start, by image and host, for operators. */
export function FleetStartsPage() {
  const { days, picker } = useDays()
  const starts = useQuery(useTRPC().start.fleetPercentiles.queryOptions({ days }))
  return (
    <>
      <PageHeader title="Starts" description={description} primary={picker} />
      <Table columns={fleetColumns} rows={starts.data?.items} error={starts.error} onRetry={() => void starts.refetch()} />
    </>
  )
}

type TableProps = { columns: typeof tenantColumns; rows: StartPercentiles[] | undefined; error: unknown; onRetry: () => void }

function Table({ columns, rows, error, onRetry }: TableProps) {
  return (
    <DataTable
      label="Starts"
      columns={columns}
      rows={rows}
      rowKey={(row) => `${row.image} ${row.host ?? ''} ${row.mode}`}
      rowName={(row) => row.image}
      error={error}
      onRetry={onRetry}
      empty={<EmptyState icon={<Timer />} title="No starts in this range">Each start of a pod is kept for 30 days.</EmptyState>}
      footer={rows && rows.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(rows.reduce((sum, row) => sum + row.count, 0), 'start')}</p>}
    />
  )
}
