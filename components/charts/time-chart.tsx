'use client'
import { memo, useEffect, useId, useMemo, useRef, useState, type PointerEvent } from 'react'
import { cn } from '@/components/ui/cn'
import { ChartTable } from './chart-table'
import { nearest, niceTicks, plainBands, stackBands, stretches, timeTicks, type Band, type Values } from './geometry'

/** `quiet` is for what is not the thing itself: overhead, peaks. */
export type ChartTone = 0 | 1 | 2 | 3 | 'quiet'
export type ChartSeries = { id: string; label: string; values: Values; tone: ChartTone }

type TimeChartProps = {
  title: string
  /** What the areas are of and where the line comes from, in a few words. */
  hint?: string
  times: readonly number[]
  /** Which times follow a gap. */
  breaks: readonly boolean[]
  from: number
  to: number
  series: readonly ChartSeries[]
  stacked?: boolean
  /** A line across; it is drawn where the values come near it, and named in any case. */
  limit?: { label: string; value: number } | null
  format: (value: number) => string
  formatTime: (at: number) => string
  formatTick: (at: number) => string
  binary?: boolean
}

const height = 148
const pad = { left: 76, right: 8, top: 8, bottom: 20 }
const colours: Record<ChartTone, string> = {
  0: 'var(--color-accent)',
  1: 'var(--color-info)',
  2: 'color-mix(in oklab, var(--color-accent) 60%, var(--color-content))',
  3: 'color-mix(in oklab, var(--color-info) 55%, var(--color-content))',
  quiet: 'var(--color-faint)',
}

/** Figures over time: one quiet style, a crosshair under the pointer, the same as a table for who reads it otherwise. */
export function TimeChart({ title, hint, times, breaks, from, to, series, stacked = false, limit, format, formatTime, formatTick, binary = false }: TimeChartProps) {
  const frame = useRef<HTMLDivElement>(null)
  const width = useWidth(frame)
  const [hovered, setHovered] = useState<number | null>(null)
  const titleId = useId()
  const bands = useMemo(() => (stacked ? stackBands : plainBands)(series.map((each) => each.values), times.length), [series, times.length, stacked])
  const most = Math.max(0, ...bands.flat().map((band) => band?.top ?? 0))
  const limitShown = limit && limit.value <= most * 4 ? limit.value : 0
  const ticks = niceTicks(Math.max(most * 1.05, limitShown * 1.02), binary)
  const top = ticks.at(-1) ?? 1
  const { x, y } = scales({ from, to, width, top })
  const at = hovered !== null && hovered < times.length ? hovered : times.length - 1
  const move = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect()
    const time = from + ((event.clientX - box.left - pad.left) / Math.max(1, width - pad.left - pad.right)) * (to - from)
    const found = nearest(times, time)
    setHovered(found < 0 ? null : found)
  }
  const hoverX = hovered !== null && times[at] !== undefined ? x(times[at]) : null
  return (
    <section aria-labelledby={titleId} className="min-w-0 rounded-lg border border-stroke bg-raise p-4">
      {/* What is shown while the pointer moves has its room before: nothing may jump under a press. */}
      <div className="flex items-baseline justify-between gap-x-3">
        <h2 id={titleId} className="min-w-0 text-sm font-semibold">{title}{hint && <span className="ml-2.5 text-xs font-normal text-faint">{hint}</span>}</h2>
        <p className="w-40 shrink-0 whitespace-nowrap text-right text-xs tabular-nums text-faint">{times[at] !== undefined && (hovered === null ? 'Latest' : formatTime(times[at]))}</p>
      </div>
      <Readout series={series} at={at} format={format} limit={limit ?? null} />
      <div ref={frame} className="mt-2">
        <svg role="img" aria-label={`${title}: graph; its values stand in the table below`} width={width} height={height} className="block max-w-full touch-pan-y" onPointerMove={move} onPointerLeave={() => setHovered(null)}>
          {ticks.map((tick) => (
            <g key={tick}>
              <line x1={pad.left} x2={width - pad.right} y1={Math.round(y(tick)) + 0.5} y2={Math.round(y(tick)) + 0.5} stroke="var(--color-stroke)" />
              <text x={pad.left - 8} y={y(tick)} dy="0.32em" textAnchor="end" fontSize="11" fill="var(--color-faint)">{format(tick)}</text>
            </g>
          ))}
          {timeTicks(from, to, Math.max(2, Math.floor(width / 90)), new Date(to).getTimezoneOffset()).map((tick) => (
            <text key={tick} x={Math.min(width - 18, x(tick))} y={height - 4} textAnchor="middle" fontSize="11" fill="var(--color-faint)">{formatTick(tick)}</text>
          ))}
          {series.map((each, i) => <Layer key={each.id} bands={bands[i] ?? nothing} breaks={breaks} times={times} from={from} to={to} width={width} top={top} tone={each.tone} filled={stacked || i === 0} />)}
          {limit && limitShown > 0 && <line data-limit x1={pad.left} x2={width - pad.right} y1={y(limit.value)} y2={y(limit.value)} stroke="var(--color-notice)" strokeDasharray="4 4" />}
          {hoverX !== null && <line x1={hoverX} x2={hoverX} y1={pad.top} y2={height - pad.bottom} stroke="var(--color-soft)" strokeWidth="1" />}
          {hoverX !== null && series.map((each, i) => { const band = bands[i]?.[at]; return band && <circle key={each.id} cx={hoverX} cy={y(band.top)} r="3" fill={colours[each.tone]} stroke="var(--color-raise)" /> })}
        </svg>
      </div>
      <ChartTable title={title} times={times} series={series} format={format} formatTime={formatTime} />
    </section>
  )
}

type Frame = { from: number; to: number; width: number; top: number }
const nothing: readonly Band[] = []

/** Where times and values stand in the frame, in pixels. */
const scales = ({ from, to, width, top }: Frame) => ({
  x: (at: number) => pad.left + ((at - from) / Math.max(1, to - from)) * (width - pad.left - pad.right),
  y: (value: number) => height - pad.bottom - (value / top) * (height - pad.top - pad.bottom),
})

/** Values of one time, each beside its colour; in the order of the stack, the top one first. */
function Readout({ series, at, format, limit }: { series: readonly ChartSeries[]; at: number; format: (value: number) => string; limit: TimeChartProps['limit'] }) {
  return (
    <p className="mt-1 flex min-h-5 flex-wrap gap-x-4 gap-y-0.5 text-xs text-soft">
      {series.map((each) => {
        const value = each.values[at] ?? null
        return (
          <span key={each.id} className="inline-flex items-center gap-1.5">
            <span aria-hidden className="size-2 rounded-[2px]" style={{ background: colours[each.tone] }} />
            {each.label} <span className="min-w-18 font-medium tabular-nums text-content">{value === null ? '—' : format(value)}</span>
          </span>
        )
      })}
      {limit && <span className="inline-flex items-center gap-1.5"><span aria-hidden className="w-3 border-t border-dashed border-notice" />{limit.label} <span className="font-medium text-content">{format(limit.value)}</span></span>}
    </p>
  )
}

type LayerProps = Frame & { bands: readonly Band[]; breaks: readonly boolean[]; times: readonly number[]; tone: ChartTone; filled: boolean }

/** One series. It is not drawn again while the pointer moves. */
const Layer = memo(function Layer({ bands, breaks, times, tone, filled, ...frame }: LayerProps) {
  const { x, y } = scales(frame)
  const point = (i: number, edge: 'base' | 'top') => `${x(times[i] ?? 0).toFixed(1)} ${y(bands[i]?.[edge] ?? 0).toFixed(1)}`
  const parts = stretches(bands, breaks).map(([first, last]) => {
    const indices = Array.from({ length: last - first + 1 }, (_, i) => first + i)
    const line = `M${indices.map((i) => point(i, 'top')).join('L')}`
    // A point alone has no length: it is drawn as a dot.
    const dot = first === last && <circle key={first} cx={x(times[first] ?? 0)} cy={y(bands[first]?.top ?? 0)} r="2" fill="currentColor" />
    return { line, dot, area: `M${indices.map((i) => point(i, 'top')).join('L')}L${indices.reverse().map((i) => point(i, 'base')).join('L')}Z` }
  })
  return (
    <g style={{ color: colours[tone] }} className={cn(tone === 'quiet' && 'opacity-90')}>
      {filled && <path d={parts.map((part) => part.area).join('')} fill="currentColor" fillOpacity={tone === 'quiet' ? 0.14 : 0.18} />}
      <path d={parts.map((part) => part.line).join('')} fill="none" stroke="currentColor" strokeWidth={tone === 'quiet' ? 1 : 1.5} strokeLinejoin="round" strokeLinecap="round" />
      {parts.map((part) => part.dot)}
    </g>
  )
})

/** The width that the chart has, as it changes. */
function useWidth(frame: { current: HTMLDivElement | null }): number {
  const [width, setWidth] = useState(560)
  useEffect(() => {
    const element = frame.current
    if (!element) return
    const observer = new ResizeObserver(([entry]) => { if (entry) setWidth(Math.max(220, Math.floor(entry.contentRect.width))) })
    observer.observe(element)
    return () => observer.disconnect()
  }, [frame])
  return width
}
