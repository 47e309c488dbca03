import type { ReactNode } from 'react'
import { cn } from './cn'

/** Each state has a shape as well as a colour, so that neither stands alone. */
export type StateShape = 'running' | 'changing' | 'stopped' | 'failed' | 'unknown'

const colours: Record<StateShape, string> = {
  running: 'text-success',
  changing: 'text-info',
  stopped: 'text-faint',
  failed: 'text-error',
  unknown: 'text-notice',
}

export function StateMark({ shape, className }: { shape: StateShape; className?: string }) {
  return (
    <svg viewBox="0 0 12 12" data-shape={shape} className={cn('size-3 shrink-0', colours[shape], shape === 'changing' && 'animate-turn', className)} aria-hidden>
      {shape === 'running' && <circle cx="6" cy="6" r="4.25" fill="currentColor" />}
      {shape === 'changing' && <><circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" strokeWidth="1.5" /><path d="M6 1.75a4.25 4.25 0 0 1 0 8.5Z" fill="currentColor" /></>}
      {shape === 'stopped' && <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.5" />}
      {shape === 'failed' && <path d="M6 .9 11.1 6 6 11.1.9 6Z" fill="currentColor" />}
      {shape === 'unknown' && <circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2.2 2.25" />}
    </svg>
  )
}

/** Word, colour and shape; `since` tells how long a change has been under way. */
export function StateBadge({ shape, children, since }: { shape: StateShape; children: ReactNode; since?: ReactNode }) {
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <StateMark shape={shape} />
      <span>{children}</span>
      {since && <span className="text-xs text-faint">{since}</span>}
    </span>
  )
}
