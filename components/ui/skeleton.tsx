import { cn } from './cn'

/** A place held for content. It appears only after 150 ms, so that nothing flashes. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={cn('block animate-late rounded-sm bg-press', className ?? 'h-3 w-24')} />
}
