import { cn } from './cn'

/** The mark: a small square inside a square, a pod in its own machine. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 20 20" className={cn('size-5', className)} aria-hidden>
      <rect x="1.75" y="1.75" width="16.5" height="16.5" rx="4" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <rect x="6.75" y="6.75" width="6.5" height="6.5" rx="1.5" className="fill-accent" />
    </svg>
  )
}
