'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ChartSpline } from 'lucide-react'
import { useMemo } from 'react'
import type { VolumeFiguresView } from '@/domain/figures/view'
import { toFailure } from '@/components/client/errors'
import { formatBytes, formatCount, formatMilliseconds } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { formatRate, type FigureChart } from '@/components/figures/figure-charts'
import { LoadingCharts, RangePicker, rangeLabels, rangeOf, refreshOf, TimedCharts } from '@/components/figures/timed-charts'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { EmptyState } from '@/components/ui/empty-state'
import { useVolume } from './volume-frame'

const perSecond = (rate: number) => `${rate.toLocaleString('en', { maximumSignificantDigits: 3 })}/s`

const chartsOf = (figures: VolumeFiguresView): FigureChart[] => [
  { title: 'Throughput', series: [{ id: 'read', label: 'Read', values: figures.readBytesPerSecond, tone: 0 }, { id: 'written', label: 'Written', values: figures.writtenBytesPerSecond, tone: 1 }], format: formatRate, binary: true },
  { title: 'Operations', hint: 'A second', series: [{ id: 'reads', label: 'Reads', values: figures.readsPerSecond, tone: 0 }, { id: 'writes', label: 'Writes', values: figures.writesPerSecond, tone: 1 }], format: perSecond },
  { title: 'Latency', hint: 'Of one operation, the mean', series: [{ id: 'read', label: 'Read', values: figures.readMilliseconds, tone: 0 }, { id: 'write', label: 'Write', values: figures.writeMilliseconds, tone: 1 }], format: formatMilliseconds },
  { title: 'Taken in its store', series: [{ id: 'stored', label: 'Taken', values: figures.storedBytes, tone: 0 }], format: formatBytes, binary: true },
]

/** How much is read and written of a volume, how fast, and what it takes. The range stands in the address. */
export function VolumeFiguresTab() {
  const { tenant, volume: { metadata: { name, creationTimestamp } } } = useVolume()
  const query = useQueryString()
  const range = rangeOf(query.get('range'))
  const figures = useQuery({ ...useTRPC().figures.volume.queryOptions({ tenant, name, range }), refetchInterval: refreshOf(range), placeholderData: keepPreviousData })
  const { data, error } = figures
  const charts = useMemo(() => (data ? chartsOf(data) : []), [data])
  return (
    <section aria-label="Figures" className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-faint">{data && data.times.length > 0 ? <Totals {...data} /> : 'Counted every 10 seconds while a pod has it, kept for 30 days.'}</p>
        <RangePicker range={range} onChange={(next) => query.push({ range: next === '1h' ? null : next })} />
      </div>
      {error && !data && <QueryFailure error={error} title="Figures cannot be shown" onRetry={() => void figures.refetch()} />}
      {error && data && <FailureCallout failure={toFailure(error)} title="Figures are not being refreshed" onRetry={() => void figures.refetch()} />}
      {figures.isPending && <LoadingCharts count={4} />}
      {data && (data.times.length === 0
        ? <div className="rounded-lg border border-stroke bg-raise"><EmptyState icon={<ChartSpline />} title={`Nothing was counted in the last ${rangeLabels[range]}`}>What a pod reads and writes is counted on its host while it has the volume. Choose a longer range for what was before.</EmptyState></div>
        : <div aria-busy={figures.isPlaceholderData}><TimedCharts figures={data} charts={charts} created={creationTimestamp} gap="Where a line is broken nothing was counted: no pod had it, or its host or the server could not be reached." /></div>)}
    </section>
  )
}

function Totals({ range, totals }: Pick<VolumeFiguresView, 'range' | 'totals'>) {
  return <>In the last {rangeLabels[range]}: {formatBytes(totals.readBytes)} in {formatCount(totals.reads, 'read')}, {formatBytes(totals.writtenBytes)} in {formatCount(totals.writes, 'write')}.</>
}
