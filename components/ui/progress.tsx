import { cn } from './cn'

/** A part of a whole as a bar of 4 px. `value` and `max` share a unit; the text beside it names it. */
export function Progress({ value, max, label, tone = 'accent', className }: { value: number; max: number; label: string; tone?: 'accent' | 'notice' | 'error'; className?: string }) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0
  return (
    <span role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)} className={cn('block overflow-hidden rounded-full bg-press', className ?? 'h-1 w-full')}>
      <span className={cn('block h-full rounded-full transition-[width] duration-150', tone === 'accent' ? 'bg-accent' : tone === 'notice' ? 'bg-notice' : 'bg-error')} style={{ width: `${share * 100}%` }} />
    </span>
  )
}
