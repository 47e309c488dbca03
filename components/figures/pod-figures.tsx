'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ChartSpline } from 'lucide-react'
import { useMemo } from 'react'
import { figureRanges, type FigureRange } from '@/domain/figures/levels'
import { gapsBefore } from '@/domain/figures/series'
import type { PodFiguresView } from '@/domain/figures/view'
import { podSize } from '@/domain/pod/size'
import type { PodSpec } from '@/domain/pod/spec'
import { isMissing, toFailure } from '@/components/client/errors'
import { formatExact } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { TimeChart } from '@/components/charts/time-chart'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { usePod } from '@/components/pods/pod-frame'
import { EmptyState } from '@/components/ui/empty-state'
import { Segmented } from '@/components/ui/segmented'
import { Skeleton } from '@/components/ui/skeleton'
import { figureCharts } from './figure-charts'

const rangeLabels: Record<FigureRange, string> = { '1h': '1 hour', '6h': '6 hours', '24h': '24 hours', '7d': '7 days', '30d': '30 days' }

/** What the pod has used: containers on top of each other, what the virtual machine takes beside them apart. */
export function PodFigures() {
  const { tenant, pod } = usePod()
  const { namespace, name } = pod.metadata
  const query = useQueryString()
  const range = figureRanges.find((each) => each === query.get('range')) ?? '1h'
  const trpc = useTRPC()
  const figures = useQuery({ ...trpc.figures.pod.queryOptions({ tenant, namespace, name, range }), refetchInterval: range === '1h' ? 10_000 : 60_000, placeholderData: keepPreviousData })
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-faint">Measured every 10 seconds, kept for 30 days.</p>
        <Segmented label="Range" value={range} options={figureRanges.map((value) => ({ value, label: value, hint: `The last ${rangeLabels[value]}` }))} onChange={(next) => query.push({ range: next === '1h' ? null : next })} />
      </div>
      {figures.error && !figures.data && <QueryFailure error={figures.error} title={isMissing(figures.error) ? 'This pod was never measured' : 'Figures cannot be shown'} onRetry={() => void figures.refetch()} />}
      {figures.error && figures.data && <FailureCallout failure={toFailure(figures.error)} title="Figures are not being refreshed" onRetry={() => void figures.refetch()} />}
      {figures.isPending && <Loading />}
      {figures.data && (figures.data.times.length === 0
        ? <div className="rounded-lg border border-stroke bg-raise"><EmptyState icon={<ChartSpline />} title={`No figures of the last ${rangeLabels[range]}`}>A pod is measured while it runs, for the first time some 20 seconds after its start. Choose a longer range for what it used before.</EmptyState></div>
        : <div aria-busy={figures.isPlaceholderData}><Charts figures={figures.data} spec={pod.spec} created={pod.metadata.creationTimestamp} /></div>)}
    </>
  )
}

function Loading() {
  return <div className="grid animate-late grid-cols-1 gap-4 xl:grid-cols-2" aria-busy="true">{Array.from({ length: 4 }, (_, i) => <Skeleton key={i} className="h-64" />)}</div>
}

/** A young pod's graphs begin with it, at least so many points wide. */
const fewestPoints = 30

function Charts({ figures, spec, created }: { figures: PodFiguresView; spec: PodSpec; created: string }) {
  const charts = useMemo(() => figureCharts(figures, spec, podSize(spec)), [figures, spec])
  const times = useMemo(() => figures.times.map((time) => Date.parse(time)), [figures.times])
  const breaks = useMemo(() => gapsBefore(times, figures.stepSeconds), [times, figures.stepSeconds])
  const to = Date.parse(figures.to)
  const from = Math.max(Date.parse(figures.from), Math.min(Date.parse(created), to - fewestPoints * figures.stepSeconds * 1000))
  const days = figures.range === '7d' || figures.range === '30d'
  const formatTick = (at: number) => new Date(at).toLocaleString('en', days ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const shared = { times, breaks, from, to, formatTick, formatTime: (at: number) => formatExact(new Date(at).toISOString()) }
  const gap = breaks.some(Boolean)
  return (
    <>
      <div className="grid grid-cols-1 gap-4 xl:grid-cols-2">
        {charts.map((chart) => <TimeChart key={chart.title} {...chart} {...shared} />)}
      </div>
      {gap && <p className="mt-3 text-xs text-faint">Where a line is broken nothing was measured: the pod did not run, or its host or the server could not be reached.</p>}
    </>
  )
}
