'use client'
import { useQuery } from '@tanstack/react-query'
import { useTRPC } from '@/components/client/trpc'
import { EventsList } from '@/components/patterns/events-list'
import { QueryFailure } from '@/components/patterns/failure'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { NextActionFor } from './next-action-links'
import { usePod } from './pod-frame'

/** Everything that happened to a pod, newest first. It is asked for anew with each change of the pod. */
export function PodEvents() {
  const { tenant, pod } = usePod()
  const trpc = useTRPC()
  const { namespace, name } = pod.metadata
  const events = useQuery(trpc.event.list.queryOptions({ tenant, kind: 'Pod', namespace, name, limit: 200 }))
  return (
    <Panel title="Events" description="Equal events in a row are counted." flush>
      {events.error && !events.data
        ? <div className="p-4"><QueryFailure error={events.error} title="Events cannot be shown" onRetry={() => void events.refetch()} /></div>
        : events.data ? <EventsList events={events.data.items} next={(event) => <NextActionFor reason={event.reason} tenant={tenant} pod={pod} />} /> : <div className="flex flex-col gap-3 p-4"><Skeleton className="h-4 w-72" /><Skeleton className="h-4 w-96" /></div>}
    </Panel>
  )
}
