import type { ReactNode } from 'react'
import { cn } from './cn'

/** A framed part of a page with its own heading. */
export function Panel({ title, description, actions, children, className, flush }: { title?: ReactNode; description?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string; flush?: boolean }) {
  return (
    <section className={cn('min-w-0 overflow-clip rounded-lg border border-stroke bg-raise', className)}>
      {title && (
        <header className="flex min-h-10 flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-stroke px-4 py-1.5">
          <div className="flex min-w-0 flex-wrap items-baseline gap-x-2.5">
            <h2 className="text-sm font-semibold">{title}</h2>
            {description && <p className="text-xs text-faint">{description}</p>}
          </div>
          {actions && <div className="flex items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={flush ? undefined : 'p-4'}>{children}</div>
    </section>
  )
}
