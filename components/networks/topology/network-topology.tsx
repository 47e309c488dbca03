'use client'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { formatCount } from '@/components/client/formats'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { QueryFailure } from '@/components/patterns/failure'
import { Callout } from '@/components/ui/callout'
import { Segmented } from '@/components/ui/segmented'
import { Skeleton } from '@/components/ui/skeleton'
import { StateMark, type StateShape } from '@/components/ui/state-badge'
import { TopologyTables } from './topology-tables'
import { useWaysIn } from './use-ways-in'

/** The library that draws is large: it is loaded with the first drawing. */
const Drawing = lazy(() => import('./drawing').then((module) => ({ default: module.Drawing })))

const key: ReadonlyArray<[StateShape, string]> = [['running', 'Running'], ['unknown', 'Not ready'], ['changing', 'Changes'], ['failed', 'Failed'], ['stopped', 'Ended']]

/** A network drawn, or the same as tables; it follows the network's pods. */
export function NetworkTopologyTab({ tenant, name }: { tenant: string; name: string }) {
  const trpc = useTRPC()
  const query = useQueryString()
  // The frame asks anew on events of pods; services, balancers and peers have no stream of their own.
  const topology = useQuery({ ...trpc.network.topology.queryOptions({ tenant, name }), refetchInterval: 10_000 })
  const as = query.get('as') === 'table' ? 'table' : 'drawing'
  const { data } = topology
  const ways = useWaysIn(tenant, data)
  // They stand in no subnet: what waits for a host has no address.
  const unplaced = data?.pods.filter(({ addresses }) => addresses.length === 0).length ?? 0
  if (topology.error && !data) return <QueryFailure error={topology.error} title="The topology cannot be shown" onRetry={() => void topology.refetch()} />
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <Segmented label="Show as" value={as} onChange={(next) => query.push({ as: next === 'table' ? 'table' : null })} options={[{ value: 'drawing', label: 'Drawing' }, { value: 'table', label: 'Table', hint: 'The same as tables' }]} />
        {data && <p className="text-xs text-faint">{formatCount(data.subnets.length, 'subnet')}, {formatCount(data.pods.length, 'pod')}{unplaced > 0 && ` (${unplaced === data.pods.length ? 'none has an address yet' : `${unplaced} without an address yet`}${as === 'table' ? '' : ', not drawn'})`}, {formatCount(data.services.length, 'service')}</p>}
      </div>
      {data?.truncated && <Callout tone="notice" title="Not everything is shown">The network has more than a thousand pods or services; the lists of pods and services have them all.</Callout>}
      {as === 'table'
        ? data && ways ? <TopologyTables tenant={tenant} topology={data} ways={ways} /> : <Skeleton className="h-64 w-full" />
        : (
          <>
            <section aria-label="Drawing" aria-busy={ways === null} className="h-[calc(100dvh-268px)] min-h-100 overflow-hidden rounded-lg border border-stroke bg-sunken">
              {data && ways && <Suspense fallback={<Skeleton className="h-full w-full" />}><Drawing tenant={tenant} topology={data} ways={ways} onTable={() => query.push({ as: 'table' })} /></Suspense>}
            </section>
            <ul aria-label="Shapes" className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-faint">{key.map(([shape, word]) => <li key={shape} className="inline-flex items-center gap-1.5"><StateMark shape={shape} className="animate-none" />{word}</li>)}</ul>
          </>
        )}
    </>
  )
}
