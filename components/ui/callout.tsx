import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from './cn'

const looks = {
  info: { icon: Info, className: 'border-info/35 bg-info-soft', mark: 'text-info' },
  success: { icon: CircleCheck, className: 'border-success/35 bg-success-soft', mark: 'text-success' },
  notice: { icon: TriangleAlert, className: 'border-notice/40 bg-notice-soft', mark: 'text-notice' },
  error: { icon: CircleAlert, className: 'border-error/40 bg-error-soft', mark: 'text-error' },
} as const

/** A message on the page itself. An error is announced at once. */
export function Callout({ tone = 'info', title, children, actions }: { tone?: keyof typeof looks; title: ReactNode; children?: ReactNode; actions?: ReactNode }) {
  const { icon: Icon, className, mark } = looks[tone]
  return (
    <div role={tone === 'error' ? 'alert' : 'note'} className={cn('flex gap-2.5 rounded-md border px-3 py-2.5 text-sm', className)}>
      <Icon className={cn('mt-0.5 size-4 shrink-0', mark)} aria-hidden />
      <div className="flex min-w-0 flex-1 flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <p className="font-medium text-content">{title}</p>
          {children && <div className="mt-0.5 break-words text-soft">{children}</div>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
    </div>
  )
}
