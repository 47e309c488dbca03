'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ChartSpline } from 'lucide-react'
import { useMemo } from 'react'
import type { PodFiguresView } from '@/domain/figures/view'
import { podSize } from '@/domain/pod/size'
import type { PodSpec } from '@/domain/pod/spec'
import { isMissing, toFailure } from '@/components/client/errors'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { usePod } from '@/components/pods/pod-frame'
import { EmptyState } from '@/components/ui/empty-state'
import { figureCharts } from './figure-charts'
import { LoadingCharts, RangePicker, rangeLabels, rangeOf, refreshOf, TimedCharts } from './timed-charts'

/** What the pod has used: containers on top of each other, what the virtual machine takes beside them apart. */
export function PodFigures() {
  const { tenant, pod } = usePod()
  const { namespace, name } = pod.metadata
  const query = useQueryString()
  const range = rangeOf(query.get('range'))
  const trpc = useTRPC()
  const figures = useQuery({ ...trpc.figures.pod.queryOptions({ tenant, namespace, name, range }), refetchInterval: refreshOf(range), placeholderData: keepPreviousData })
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-sm text-faint">Measured every 10 seconds, kept for 30 days.</p>
        <RangePicker range={range} onChange={(next) => query.push({ range: next === '1h' ? null : next })} />
      </div>
      {figures.error && !figures.data && <QueryFailure error={figures.error} title={isMissing(figures.error) ? 'This pod was never measured' : 'Figures cannot be shown'} onRetry={() => void figures.refetch()} />}
      {figures.error && figures.data && <FailureCallout failure={toFailure(figures.error)} title="Figures are not being refreshed" onRetry={() => void figures.refetch()} />}
      {figures.isPending && <LoadingCharts count={4} />}
      {figures.data && (figures.data.times.length === 0
        ? <div className="rounded-lg border border-stroke bg-raise"><EmptyState icon={<ChartSpline />} title={`No figures of the last ${rangeLabels[range]}`}>A pod is measured while it runs, for the first time some 20 seconds after its start. Choose a longer range for what it used before.</EmptyState></div>
        : <div aria-busy={figures.isPlaceholderData}><Charts figures={figures.data} spec={pod.spec} created={pod.metadata.creationTimestamp} /></div>)}
    </>
  )
}

function Charts({ figures, spec, created }: { figures: PodFiguresView; spec: PodSpec; created: string }) {
  const charts = useMemo(() => figureCharts(figures, spec, podSize(spec)), [figures, spec])
  return <TimedCharts figures={figures} charts={charts} created={created} gap="Where a line is broken nothing was measured: the pod did not run, or its host or the server could not be reached." />
}
