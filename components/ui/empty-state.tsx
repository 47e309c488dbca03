import type { ReactNode } from 'react'

/** Nothing to show: says what is missing, and what to do next. */
export function EmptyState({ icon, title, children, actions }: { icon?: ReactNode; title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      {icon && <span className="mb-1 flex size-10 items-center justify-center rounded-lg border border-stroke bg-surface text-faint [&_svg]:size-5">{icon}</span>}
      <p className="text-base font-medium">{title}</p>
      {children && <div className="max-w-110 text-sm text-faint">{children}</div>}
      {actions && <div className="mt-3 flex flex-wrap items-center justify-center gap-2">{actions}</div>}
    </div>
  )
}
