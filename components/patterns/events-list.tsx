import type { ReactNode } from 'react'
import type { EventView } from '@/domain/event/view'
import { StateMark } from '@/components/ui/state-badge'
import { Ago } from './time'

/** What happened, newest first; equal ones in a row are counted. `next` tells what to do about a warning. */
export function EventsList({ events, next }: { events: readonly EventView[]; next?: (event: EventView) => ReactNode }) {
  if (events.length === 0) return <p className="px-4 py-6 text-center text-sm text-faint">Nothing has happened yet.</p>
  return (
    <ol>
      {events.map((event) => (
        <li key={event.uid} className="grid grid-cols-[16px_minmax(0,1fr)_auto] items-start gap-x-2.5 border-b border-stroke px-4 py-2 last:border-0">
          <StateMark shape={event.type === 'Warning' ? 'failed' : 'stopped'} className="mt-1" />
          <div className="min-w-0">
            <p className="text-sm">
              <span className="font-medium">{event.reason}</span>
              {event.type === 'Warning' && <span className="sr-only"> (warning)</span>}
              {event.count > 1 && <span className="ml-1.5 text-xs text-faint">{event.count} times</span>}
              <span className="ml-2 text-xs text-faint">{event.source}</span>
            </p>
            <p className="break-words text-sm text-soft">{event.message}</p>
            {event.type === 'Warning' && next?.(event)}
          </div>
          <span className="text-xs leading-5 text-faint"><Ago time={event.lastTimestamp} /></span>
        </li>
      ))}
    </ol>
  )
}
