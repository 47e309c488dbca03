'use client'
import { ChevronRight } from 'lucide-react'
import { useState, type ReactNode } from 'react'

/** What a form needs seldom, behind one line. It opens by itself once something in it is wrong, and stays open then. */
export function More({ label = 'More', wrong, initiallyOpen = false, children }: { label?: string; wrong: boolean; initiallyOpen?: boolean; children: ReactNode }) {
  const [open, setOpen] = useState(initiallyOpen)
  return (
    <details open={open || wrong} onToggle={(event) => setOpen(event.currentTarget.open)} className="group/more border-t border-stroke pt-3">
      <summary className="flex min-h-6 list-none items-center gap-1.5 rounded-sm text-sm font-medium text-soft hover:text-content">
        <ChevronRight className="size-3.5 transition-transform duration-100 group-open/more:rotate-90" aria-hidden />
        {label}
      </summary>
      <div className="flex flex-col gap-4 pt-3">{children}</div>
    </details>
  )
}
