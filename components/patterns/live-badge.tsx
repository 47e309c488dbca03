'use client'
import { useNow } from '@/components/client/clock'
import { useConnection } from '@/components/client/connection'
import { formatSpan } from '@/components/client/formats'
import { cn } from '@/components/ui/cn'

/** Whether the page is told of changes, and if not, how old it is. */
export function LiveBadge() {
  const connection = useConnection()
  return (
    <span role="status" className={cn('inline-flex h-6 items-center gap-1.5 whitespace-nowrap rounded-full border px-2 text-xs', connection.state === 'lost' ? 'border-notice/40 bg-notice-soft text-notice-content' : 'border-stroke text-faint')}>
      {connection.state === 'live' && <><span className="size-1.5 rounded-full bg-success" aria-hidden />Live</>}
      {connection.state === 'idle' && <><span className="size-1.5 rounded-full bg-stroke-control" aria-hidden />Connecting…</>}
      {connection.state === 'lost' && <><span className="size-1.5 rounded-full border border-notice" aria-hidden />Reconnecting… <Age since={connection.since} /></>}
    </span>
  )
}

function Age({ since }: { since: number }) {
  const now = useNow()
  return now === undefined ? null : <span aria-live="off">{formatSpan(now - since)} old</span>
}
