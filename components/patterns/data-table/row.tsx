'use client'
import type { Action } from '@/components/client/actions'
import { cn } from '@/components/ui/cn'
import { ActionMenu } from '../action-menu'
import { cellClass, columnClass, rowClass, type Column } from './columns'
import { SelectCell } from './select-cell'
import type { Selection } from './selection'

type RowProps<R> = { row: R; id: string; name: string; selection: Selection | undefined; columns: ReadonlyArray<Column<R>>; actions: ((row: R) => readonly Action[]) | undefined }

export function Row<R>({ row, id, name, columns, actions, selection }: RowProps<R>) {
  const chosen = selection?.has(id)
  return (
    <tr data-row={id} data-chosen={chosen || undefined} className={cn(rowClass, 'transition-colors duration-75 hover:bg-hover/60 focus-within:bg-hover/60', chosen && 'bg-accent-soft')}>
      {selection && <SelectCell rowKey={id} name={name} selection={selection} />}
      {columns.map((column, i) => i === 0
        ? <th key={column.id} scope="row" data-row-link className={cn(cellClass, columnClass(column), 'text-left font-medium')}>{column.cell(row)}</th>
        : <td key={column.id} className={cn(cellClass, columnClass(column))}>{column.cell(row)}</td>)}
      {actions && <td className={cn(cellClass, 'pr-2! text-right')}><ActionMenu of={name} actions={actions(row)} /></td>}
    </tr>
  )
}
