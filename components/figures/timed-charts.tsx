'use client'
import { useMemo } from 'react'
import { figureRanges, type FigureRange } from '@/domain/figures/levels'
import { gapsBefore } from '@/domain/figures/series'
import { formatExact } from '@/components/client/formats'
import { TimeChart } from '@/components/charts/time-chart'
import { Segmented } from '@/components/ui/segmented'
import { Skeleton } from '@/components/ui/skeleton'
import type { FigureChart } from './figure-charts'

export const rangeLabels: Record<FigureRange, string> = { '1h': '1 hour', '6h': '6 hours', '24h': '24 hours', '7d': '7 days', '30d': '30 days' }

export const rangeOf = (text: string): FigureRange => figureRanges.find((each) => each === text) ?? '1h'

/** How often a range is read anew, in milliseconds: as often as it gets a new point, or every minute. */
export const refreshOf = (range: FigureRange): number => (range === '1h' ? 10_000 : 60_000)

export function RangePicker({ range, onChange }: { range: FigureRange; onChange: (next: FigureRange) => void }) {
  return <Segmented label="Range" value={range} options={figureRanges.map((value) => ({ value, label: value, hint: `The last ${rangeLabels[value]}` }))} onChange={onChange} />
}

export function LoadingCharts({ count }: { count: number }) {
  return <div className="grid animate-late grid-cols-1 gap-4 xl:grid-cols-2" aria-busy="true">{Array.from({ length: count }, (_, i) => <Skeleton key={i} className="h-64" />)}</div>
}

/** A young object's graphs begin with it, at least so many points wide. */
const fewestPoints = 30

type Timed = { range: FigureRange; from: string; to: string; stepSeconds: number; times: readonly string[] }

/** Charts over one range. `gap` says why a line may be broken. */
export function TimedCharts({ figures, charts, created, gap }: { figures: Timed; charts: readonly FigureChart[]; created: string; gap: string }) {
  const times = useMemo(() => figures.times.map((time) => Date.parse(time)), [figures.times])
  const breaks = useMemo(() => gapsBefore(times, figures.stepSeconds), [times, figures.stepSeconds])
  const to = Date.parse(figures.to)
  const from = Math.max(Date.parse(figures.from), Math.min(Date.parse(created), to - fewestPoints * figures.stepSeconds * 1000))
  const days = figures.range === '7d' || figures.range === '30d'
  const formatTick = (at: number) => new Date(at).toLocaleString('en', days ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const shared = { times, breaks, from, to, formatTick, formatTime: (at: number) => formatExact(new Date(at).toISOString()) }
  return (
    <>
      <div className="grid grid-cols-1 gap-4 xl:grid-cols-2">
        {charts.map((chart) => <TimeChart key={chart.title} {...chart} {...shared} />)}
      </div>
      {breaks.some(Boolean) && <p className="mt-3 text-xs text-faint">{gap}</p>}
    </>
  )
}
