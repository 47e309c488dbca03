import { startParts } from '@/domain/pod/waterfall'
import type { StartPercentiles } from '@/domain/pod/start-view'
import { formatMilliseconds } from '@/components/client/formats'
import type { Column } from '@/components/patterns/data-table/columns'
import { partNames } from './parts'

/** The medians of the parts as one bar; beside it, for who cannot see it, the longest of them by name. */
function Parts({ row }: { row: StartPercentiles }) {
  const total = Math.max(1, startParts.reduce((sum, part) => sum + row.parts[part], 0))
  const longest = startParts.reduce((most, part) => (row.parts[part] > row.parts[most] ? part : most))
  return (
    <span className="flex items-center gap-3">
      <span aria-hidden className="flex h-2 w-40 shrink-0 overflow-hidden rounded-full bg-hover">
        {startParts.map((part) => <span key={part} title={`${partNames[part].name}: ${formatMilliseconds(row.parts[part])}`} style={{ width: `${(row.parts[part] / total) * 100}%`, background: partNames[part].colour }} />)}
      </span>
      <span className="truncate text-soft">mostly {partNames[longest].name.toLowerCase()}, {formatMilliseconds(row.parts[longest])}</span>
    </span>
  )
}

const duration = (ms: number) => <span className="text-soft">{formatMilliseconds(ms)}</span>

export const percentileColumns = (withHost: boolean): ReadonlyArray<Column<StartPercentiles>> => [
  { id: 'image', header: 'Image', cell: (row) => <code title={row.image} className="block max-w-80 truncate font-mono text-xs font-medium">{row.image}</code> },
  ...(withHost ? [{ id: 'host', header: 'Host', from: 'sm', cell: (row: StartPercentiles) => <span className="text-soft">{row.host}</span> } as const] : []),
  { id: 'mode', header: 'Start', from: 'md', cell: (row) => <span className="text-soft">{row.mode === 'template' ? 'from a template' : row.mode === 'cold' ? 'cold boot' : row.mode}</span> },
  { id: 'count', header: 'Starts', numeric: true, cell: (row) => <span className="text-soft">{row.count.toLocaleString('en')}</span> },
  { id: 'p50', header: 'Median', numeric: true, cell: (row) => duration(row.p50) },
  { id: 'p90', header: 'p90', numeric: true, cell: (row) => duration(row.p90) },
  { id: 'p95', header: 'p95', numeric: true, cell: (row) => duration(row.p95) },
  { id: 'parts', header: 'Median of each part', grow: true, from: 'lg', cell: (row) => <Parts row={row} /> },
]
