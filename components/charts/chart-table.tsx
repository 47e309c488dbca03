'use client'
import { useCallback, useState } from 'react'
import type { ChartSeries } from './time-chart'

type ChartTableProps = { title: string; times: readonly number[]; series: readonly ChartSeries[]; format: (value: number) => string; formatTime: (at: number) => string }

/** The values of a chart as a table, newest first; drawn only once it is opened. */
export function ChartTable({ title, times, series, format, formatTime }: ChartTableProps) {
  const [open, setOpen] = useState(false)
  // The browser opens it also before the page's script listens.
  const found = useCallback((details: HTMLDetailsElement | null) => {
    if (details?.open) setOpen(true)
  }, [])
  return (
    <details ref={found} className="mt-2 text-xs" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="inline-flex h-6 items-center rounded-sm text-faint hover:text-content">{open ? 'Hide values' : 'Show values'}<span className="sr-only"> of {title}</span></summary>
      {open && (
        <div role="group" aria-label={`Values of ${title}`} tabIndex={0} className="mt-1 max-h-64 overflow-auto rounded-md border border-stroke">
          <table aria-label={title} className="w-full text-left">
            <thead className="sticky top-0 bg-surface text-faint">
              <tr><th scope="col" className="h-7 px-3 font-medium">Time</th>{series.map((each) => <th key={each.id} scope="col" className="h-7 px-3 text-right font-medium">{each.label}</th>)}</tr>
            </thead>
            <tbody>
              {times.map((_, i) => times.length - 1 - i).map((i) => (
                <tr key={times[i]} className="border-t border-stroke">
                  <th scope="row" className="h-7 whitespace-nowrap px-3 font-normal text-soft">{formatTime(times[i] ?? 0)}</th>
                  {series.map((each) => { const value = each.values[i] ?? null; return <td key={each.id} className="px-3 text-right">{value === null ? '—' : format(value)}</td> })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
