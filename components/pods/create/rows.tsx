'use client'
import { Plus } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button } from '@/components/ui/button'

type RowsProps = { title: string; hint?: string; add: string; rows: ReactNode[]; error: string | undefined; onAdd: () => void }

/** A list in the form: its rows, what is wrong with it, and a button that adds one. */
export function Rows({ title, hint, add, rows, error, onAdd }: RowsProps) {
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="mb-1 text-xs font-medium text-soft">{title} <span className="font-normal text-faint">optional</span></legend>
      {hint && rows.length > 0 && <p className="text-xs text-faint">{hint}</p>}
      {rows}
      {error && <p className="text-xs text-error-content">{error}</p>}
      <div><Button size="sm" variant="ghost" icon={<Plus className="size-3.5" />} onClick={onAdd} className="-ml-2">{add}</Button></div>
    </fieldset>
  )
}
