'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ChartSpline } from 'lucide-react'
import { useMemo } from 'react'
import type { BalancerFiguresView } from '@/domain/figures/view'
import { toFailure } from '@/components/client/errors'
import { formatBytes, formatCount, formatMilliseconds } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { formatRate, type FigureChart } from '@/components/figures/figure-charts'
import { LoadingCharts, RangePicker, rangeLabels, rangeOf, refreshOf, TimedCharts } from '@/components/figures/timed-charts'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { useBalancer } from './balancer-frame'
import { partsOf } from './figure-parts'

const perSecond = (rate: number) => `${rate.toLocaleString('en', { maximumSignificantDigits: 3 })}/s`

function chartsOf(figures: BalancerFiguresView, web: boolean): FigureChart[] {
  const errors: FigureChart = { title: 'Errors', hint: 'A second', series: [{ id: '5xx', label: '5xx', values: figures.errors5xxPerSecond, tone: 0 }, { id: '4xx', label: '4xx', values: figures.errors4xxPerSecond, tone: 1 }, { id: 'failed', label: 'No answer', values: figures.failedPerSecond, tone: 'quiet' }], format: perSecond }
  return [
    web
      ? { title: 'Requests', hint: 'A second', series: [{ id: 'requests', label: 'Requests', values: figures.requestsPerSecond, tone: 0 }], format: perSecond }
      : { title: 'New connections', hint: 'A second', series: [{ id: 'connections', label: 'Connections', values: figures.connectionsPerSecond, tone: 0 }], format: perSecond },
    web ? errors : { title: 'Failed connections', hint: 'A second', series: [{ id: 'failed', label: 'Failed', values: figures.failedPerSecond, tone: 0 }], format: perSecond },
    ...(web ? [{ title: 'Latency', hint: 'So many percent of requests took less', series: [{ id: 'p50', label: 'Median', values: figures.latencyMilliseconds.p50, tone: 0 as const }, { id: 'p95', label: '95 %', values: figures.latencyMilliseconds.p95, tone: 1 as const }, { id: 'p99', label: '99 %', values: figures.latencyMilliseconds.p99, tone: 'quiet' as const }], format: formatMilliseconds }] : []),
    { title: 'Traffic', series: [{ id: 'received', label: 'From clients', values: figures.receivedBytesPerSecond, tone: 0 }, { id: 'sent', label: 'Answers', values: figures.sentBytesPerSecond, tone: 1 }], format: formatRate, binary: true },
    { title: 'Open connections', series: [{ id: 'open', label: 'Open', values: figures.activeConnections, tone: 0 }], format: (value) => value.toLocaleString('en', { maximumFractionDigits: 1 }) },
  ]
}

/** Requests, errors, latencies and bytes of a balancer, or of one of its rules or backends. Range and part stand in the address. */
export function BalancerFiguresTab() {
  const { at: [tenant, source, namespace, name], balancer } = useBalancer()
  const query = useQueryString()
  const range = rangeOf(query.get('range'))
  const parts = partsOf(balancer)
  const part = parts.some(({ value }) => value === query.get('part')) ? query.get('part') : ''
  const web = balancer.model?.listeners.some(({ protocol }) => protocol === 'http' || protocol === 'https') ?? true
  const trpc = useTRPC()
  const figures = useQuery({ ...trpc.figures.balancer.queryOptions({ tenant, source, namespace, name, range, part }), refetchInterval: refreshOf(range), placeholderData: keepPreviousData })
  const { data, error } = figures
  const charts = useMemo(() => (data ? chartsOf(data, web) : []), [data, web])
  return (
    <section aria-label="Figures" className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-faint">{data && data.times.length > 0 ? <Totals figures={data} web={web} /> : 'Counted every 10 seconds, kept for 30 days.'}</p>
        <span className="flex flex-wrap items-center gap-2">
          {parts.length > 1 && <span className="w-60 max-w-full"><Select aria-label="Part" value={part} onChange={(event) => query.push({ part: event.target.value || null })}>{parts.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}</Select></span>}
          <RangePicker range={range} onChange={(next) => query.push({ range: next === '1h' ? null : next })} />
        </span>
      </div>
      {error && !data && <QueryFailure error={error} title="Figures cannot be shown" onRetry={() => void figures.refetch()} />}
      {error && data && <FailureCallout failure={toFailure(error)} title="Figures are not being refreshed" onRetry={() => void figures.refetch()} />}
      {figures.isPending && <LoadingCharts count={4} />}
      {data && (data.times.length === 0
        ? <div className="rounded-lg border border-stroke bg-raise"><EmptyState icon={<ChartSpline />} title={`Nothing was counted in the last ${rangeLabels[range]}`}>What passes through it is counted on its host. Choose a longer range for what passed before.</EmptyState></div>
        : <div aria-busy={figures.isPlaceholderData}><TimedCharts figures={data} charts={charts} created={balancer.metadata.creationTimestamp} gap="Where a line is broken nothing was counted: it did not run, or its host or the server could not be reached." /></div>)}
    </section>
  )
}

function Totals({ figures: { range, totals }, web }: { figures: BalancerFiguresView; web: boolean }) {
  return <>In the last {rangeLabels[range]}: {web ? `${formatCount(totals.requests, 'request')}, ${formatCount(totals.errors4xx + totals.errors5xx + totals.failed, 'error')}` : `${formatCount(totals.connections, 'connection')}, ${totals.failed.toLocaleString('en')} failed`}, {formatBytes(totals.receivedBytes)} from clients, {formatBytes(totals.sentBytes)} of answers.</>
}
