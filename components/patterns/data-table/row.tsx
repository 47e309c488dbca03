'use client'
import type { Action } from '@/components/client/actions'
import { cn } from '@/components/ui/cn'
import { ActionMenu } from '../action-menu'
import { cellClass, columnClass, rowClass, type Column } from './columns'

type RowProps<R> = { row: R; name: string; columns: ReadonlyArray<Column<R>>; actions: ((row: R) => readonly Action[]) | undefined }

export function Row<R>({ row, name, columns, actions }: RowProps<R>) {
  return (
    <tr className={cn(rowClass, 'transition-colors duration-75 hover:bg-hover/60 focus-within:bg-hover/60')}>
      {columns.map((column, i) => i === 0
        ? <th key={column.id} scope="row" data-row-link className={cn(cellClass, columnClass(column), 'text-left font-medium')}>{column.cell(row)}</th>
        : <td key={column.id} className={cn(cellClass, columnClass(column))}>{column.cell(row)}</td>)}
      {actions && <td className={cn(cellClass, 'pr-2! text-right')}><ActionMenu of={name} actions={actions(row)} /></td>}
    </tr>
  )
}
