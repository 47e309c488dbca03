'use client'
import { lazy, Suspense, useMemo, useRef, type ReactNode, type RefObject } from 'react'
import type { Action } from '@/components/client/actions'
import { useShortcut } from '@/components/client/shortcuts'
import { cn } from '@/components/ui/cn'
import { Skeleton } from '@/components/ui/skeleton'
import { QueryFailure } from '../failure'
import { cellClass, columnClass, rowClass, type Column } from './columns'
import { Row } from './row'
import { SelectAllCell } from './select-cell'
import type { Selection } from './selection'
import { SortHeader, type Sort } from './sort-header'

const VirtualRows = lazy(() => import('./virtual-rows').then((module) => ({ default: module.VirtualRows })))
/** Above it only the rows in sight are in the document. */
const virtualFrom = 200

export type DataTableProps<R> = {
  /** What the rows are: "Pods". */
  label: string
  columns: ReadonlyArray<Column<R>>
  rows: readonly R[] | undefined
  rowKey: (row: R) => string
  rowName: (row: R) => string
  actions?: (row: R) => readonly Action[]
  error?: unknown
  onRetry?: () => void
  /** Shown for no rows: nothing exists yet, or nothing matches the filters. */
  empty: ReactNode
  sort?: Sort
  /** Rows can be chosen: by their boxes, with Shift for a range, with x on a row's link, with Shift A for all of the page. */
  selection?: Selection
  /** Stands in the toolbar's place while rows are chosen. */
  bulk?: ReactNode
  /** New data for changed filters are on their way. */
  stale?: boolean
  toolbar?: ReactNode
  footer?: ReactNode
}

/** The one table of the console. Filters, sort and page are the server's; it draws what it is given. */
export function DataTable<R>({ label, columns, rows, rowKey, rowName, actions, error, onRetry, empty, sort, selection, bulk, stale, toolbar, footer }: DataTableProps<R>) {
  const body = useRef<HTMLDivElement>(null)
  const step = (by: number) => {
    const links = [...(body.current?.querySelectorAll<HTMLElement>('[data-row-link] a, a[data-row-link]') ?? [])]
    const at = links.findIndex((link) => link === document.activeElement)
    links[Math.min(links.length - 1, Math.max(0, at + by))]?.focus()
  }
  useShortcut('j', 'Next row', () => step(1))
  useShortcut('k', 'Previous row', () => step(-1))
  useTableSelection(label, selection, body)
  const withActions = actions !== undefined
  const head = useMemo(() => (
    <thead className="sticky top-0 bg-surface text-left text-xs text-faint">
      <tr className="border-b border-stroke">
        {selection && <SelectAllCell label={label.toLowerCase()} selection={selection} />}
        {columns.map((column) => <SortHeader key={column.id} column={column} sort={sort} />)}
        {withActions && <th scope="col" className={cn(cellClass, 'w-10 pr-2!')}><span className="sr-only">Actions</span></th>}
      </tr>
    </thead>
  ), [columns, sort, withActions, selection, label])

  const drawRow = (row: R) => <Row key={rowKey(row)} id={rowKey(row)} row={row} name={rowName(row)} columns={columns} actions={actions} selection={selection} />
  return (
    <div className="overflow-clip rounded-lg border border-stroke bg-raise">
      {bulk && selection && selection.count > 0 && <div role="region" aria-label={`Selected ${label.toLowerCase()}`} className="flex min-h-12 flex-wrap items-center gap-2 border-b border-stroke bg-accent-soft px-4 py-2">{bulk}</div>}
      {toolbar && <div className="flex flex-wrap items-center gap-2 border-b border-stroke px-3 py-2">{toolbar}</div>}
      {error !== undefined && error !== null && rows === undefined
        ? <div className="p-4"><QueryFailure error={error} title={`${label} cannot be shown`} {...(onRetry && { onRetry })} /></div>
        : (
          <div ref={body} role="group" aria-label={label} tabIndex={0} className={cn('relative overflow-x-auto transition-opacity duration-100 focus-visible:-outline-offset-2', stale && 'opacity-60')} aria-busy={rows === undefined || stale}>
            {rows && rows.length > virtualFrom
              ? (
                <Suspense fallback={<table aria-label={label} className="w-full text-sm">{head}<tbody>{rows.slice(0, 40).map(drawRow)}</tbody></table>}>
                  <VirtualRows label={label} head={head} count={rows.length} drawRow={(index) => { const row = rows[index]; return row === undefined ? null : drawRow(row) }} />
                </Suspense>
              )
              : (
                <table aria-label={label} className="w-full text-sm">
                  {head}
                  <tbody>
                    {rows === undefined && <SkeletonRows columns={columns} withActions={withActions} withSelection={selection !== undefined} />}
                    {rows?.map(drawRow)}
                  </tbody>
                </table>
              )}
            {rows?.length === 0 && empty}
          </div>
        )}
      {footer}
    </div>
  )
}

/** x chooses the row that has the focus, Shift with it everything up to there; Shift A all of the page. */
function useTableSelection(label: string, selection: Selection | undefined, body: RefObject<HTMLDivElement | null>) {
  const focused = () => {
    const active = document.activeElement
    return active && body.current?.contains(active) ? active.closest<HTMLElement>('[data-row]')?.dataset['row'] : undefined
  }
  const toggle = (range: boolean) => {
    const key = focused()
    if (key !== undefined) selection?.toggle(key, range)
  }
  useShortcut('x', selection ? `Select the row of ${label.toLowerCase()}` : '', () => toggle(false))
  useShortcut('X', selection ? 'Select up to this row' : '', () => toggle(true))
  useShortcut('A', selection ? `Select all ${label.toLowerCase()} on this page` : '', () => selection?.toggleAll())
}

function SkeletonRows<R>({ columns, withActions, withSelection }: { columns: ReadonlyArray<Column<R>>; withActions: boolean; withSelection: boolean }) {
  return Array.from({ length: 6 }, (_, i) => (
    <tr key={i} className={rowClass}>
      {withSelection && <td className={cn(cellClass, 'w-9')} />}
      {columns.map((column, j) => (
        <td key={column.id} className={cn(cellClass, columnClass(column))}>
          <Skeleton className={cn('h-3', j === 0 ? (i % 2 ? 'w-32' : 'w-40') : 'w-16', column.numeric && 'ml-auto')} />
        </td>
      ))}
      {withActions && <td className={cellClass} />}
    </tr>
  ))
}
