import type { ReactNode } from 'react'
import { cn } from '@/components/ui/cn'

type SimpleTableProps = {
  label: string
  heads: ReadonlyArray<ReactNode>
  rows: ReadonlyArray<{ key: string; cells: ReadonlyArray<ReactNode> }> | undefined
  empty: ReactNode
}

/** A short table inside a panel: all rows at once, no filters. */
export function SimpleTable({ label, heads, rows, empty }: SimpleTableProps) {
  // No paragraph: what stands in for the rows may have paragraphs of its own.
  if (rows?.length === 0) return <div className="px-4 py-6 text-center text-sm text-faint">{empty}</div>
  return (
    <div role="group" aria-label={label} tabIndex={0} className="relative overflow-x-auto focus-visible:-outline-offset-2">
      <table aria-label={label} className="w-full text-left text-sm">
        <thead className="border-b border-stroke bg-surface text-xs text-faint">
          <tr>{heads.map((head, i) => <th key={i} scope="col" className="h-8 whitespace-nowrap px-4 font-medium">{head}</th>)}</tr>
        </thead>
        <tbody>
          {rows?.map((row) => (
            <tr key={row.key} className="h-9 border-b border-stroke last:border-0">
              {row.cells.map((cell, i) => <td key={i} className={cn('px-4 py-1', i > 0 ? 'text-soft' : 'whitespace-nowrap')}>{cell}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
