'use client'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { cn } from '@/components/ui/cn'
import { cellClass, columnClass, type Column } from './columns'

/** The server's order: `by` a column's name, and a change of it. */
export type Sort = { by: string; descending: boolean; onSort: (by: string, descending: boolean) => void }

export function SortHeader<R>({ column, sort }: { column: Column<R>; sort: Sort | undefined }) {
  const { sortBy } = column
  const className = cn(cellClass, columnClass(column), 'h-8 font-medium')
  if (!sort || !sortBy) return <th scope="col" className={className}>{column.header}</th>
  const active = sort.by === sortBy
  const Arrow = active && sort.descending ? ArrowDown : ArrowUp
  return (
    <th scope="col" aria-sort={active ? (sort.descending ? 'descending' : 'ascending') : 'none'} className={className}>
      <button
        type="button"
        onClick={() => sort.onSort(sortBy, active ? !sort.descending : false)}
        className={cn('group/sort -mx-1 inline-flex h-6 items-center gap-1 rounded-sm px-1 hover:text-content', active && 'text-content')}
      >
        {column.header}
        <Arrow aria-hidden className={cn('size-3', active ? '' : 'opacity-0 group-hover/sort:opacity-60')} />
      </button>
    </th>
  )
}
