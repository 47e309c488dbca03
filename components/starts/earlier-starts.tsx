'use client'
import { useState } from 'react'
import type { PodStartView } from '@/domain/pod/start-view'
import { formatMilliseconds } from '@/components/client/formats'
import { Ago } from '@/components/patterns/time'
import { formatWhole } from './parts'
import { WaterfallBars } from './waterfall-bars'

/** Starts of the pod's machine before the one that runs, newest first; one of them opened. */
export function EarlierStarts({ starts }: { starts: readonly PodStartView[] }) {
  const [open, setOpen] = useState<string | null>(null)
  return (
    <ul aria-label="Earlier starts" className="mt-2 divide-y divide-stroke border-y border-stroke text-xs">
      {starts.map((start) => (
        <li key={start.id} className="py-1">
          <button type="button" aria-expanded={open === start.id} onClick={() => setOpen(open === start.id ? null : start.id)} className="flex min-h-7 w-full items-center justify-between gap-3 rounded-sm px-1 text-left text-soft hover:bg-hover">
            <span><Ago time={start.startedAt} /></span>
            <span className="text-faint">{start.first ? 'first start' : 'started again'}{start.mode === 'template' ? ', from a template' : start.mode === 'cold' ? ', cold boot' : ''}, on {start.host || 'a host that is gone'}</span>
            <span className="font-medium text-content">{formatMilliseconds(start.wholeMs)}</span>
          </button>
          {open === start.id && <div className="px-1 py-2"><WaterfallBars waterfall={start} label={`Parts of the start, ${formatWhole(start.wholeMs)} in all`} /></div>}
        </li>
      ))}
    </ul>
  )
}
