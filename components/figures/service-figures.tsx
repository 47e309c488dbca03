'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ChartSpline } from 'lucide-react'
import { useMemo } from 'react'
import type { ServiceFiguresView } from '@/domain/figures/view'
import { toFailure } from '@/components/client/errors'
import { formatBytes, formatCount } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { EmptyState } from '@/components/ui/empty-state'
import { formatRate, type FigureChart } from './figure-charts'
import { LoadingCharts, RangePicker, rangeLabels, rangeOf, refreshOf, TimedCharts } from './timed-charts'

const formatConnections = (rate: number) => `${rate.toLocaleString('en', { maximumSignificantDigits: 3 })}/s`

const chartsOf = (figures: ServiceFiguresView): FigureChart[] => [
  { title: 'New connections', series: [{ id: 'connections', label: 'Connections', values: figures.connectionsPerSecond, tone: 0 }], format: formatConnections },
  { title: 'Traffic', hint: 'Through the service’s address', series: [{ id: 'received', label: 'To its endpoints', values: figures.receivedBytesPerSecond, tone: 0 }, { id: 'sent', label: 'Answers', values: figures.sentBytesPerSecond, tone: 1 }], format: formatRate, binary: true },
]

/** What passes through a service: connections a second and bytes both ways. The range stands in the address. */
export function ServiceFigures({ tenant, namespace, name, created }: { tenant: string; namespace: string; name: string; /** When the service was created. */ created: string }) {
  const query = useQueryString()
  const range = rangeOf(query.get('range'))
  const trpc = useTRPC()
  const figures = useQuery({ ...trpc.figures.service.queryOptions({ tenant, namespace, name, range }), refetchInterval: refreshOf(range), placeholderData: keepPreviousData })
  const { data, error } = figures
  const charts = useMemo(() => (data ? chartsOf(data) : []), [data])
  return (
    <section aria-label="Figures" className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-faint">{data && data.times.length > 0 ? <Totals figures={data} /> : 'Counted every 10 seconds in the kernel, kept for 30 days.'}</p>
        <RangePicker range={range} onChange={(next) => query.push({ range: next === '1h' ? null : next })} />
      </div>
      {error && !data && <QueryFailure error={error} title="Figures cannot be shown" onRetry={() => void figures.refetch()} />}
      {error && data && <FailureCallout failure={toFailure(error)} title="Figures are not being refreshed" onRetry={() => void figures.refetch()} />}
      {figures.isPending && <LoadingCharts count={2} />}
      {data && (data.times.length === 0
        ? <div className="rounded-lg border border-stroke bg-raise"><EmptyState icon={<ChartSpline />} title={`Nothing was counted in the last ${rangeLabels[range]}`}>Connections to the service’s address are counted on the hosts that run pods of its network. Choose a longer range for what passed before.</EmptyState></div>
        : <div aria-busy={figures.isPlaceholderData}><TimedCharts figures={data} charts={charts} created={created} gap="Where a line is broken nothing was counted: no pod of the network ran, or its hosts or the server could not be reached." /></div>)}
    </section>
  )
}

function Totals({ figures: { range, totals } }: { figures: ServiceFiguresView }) {
  return <>In the last {rangeLabels[range]}: {formatCount(totals.connections, 'new connection')}, {formatBytes(totals.receivedBytes)} to its endpoints, {formatBytes(totals.sentBytes)} of answers.</>
}
