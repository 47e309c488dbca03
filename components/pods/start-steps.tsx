'use client'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import type { PodStartView } from '@/domain/pod/start-view'
import type { PodView } from '@/domain/pod/view'
import { startWaterfall } from '@/domain/pod/waterfall'
import { useNow } from '@/components/client/clock'
import { useTRPC } from '@/components/client/trpc'
import { formatWhole } from '@/components/starts/parts'
import { WaterfallBars } from '@/components/starts/waterfall-bars'
import { Button } from '@/components/ui/button'
import { Spinner } from '@/components/ui/spinner'
import { usePod } from './pod-frame'
import { stepName, volumesWaitedFor } from './pod-state'

const EarlierStarts = lazy(() => import('@/components/starts/earlier-starts').then((module) => ({ default: module.EarlierStarts })))

/** The start of a pod in parts that add up to the whole: as it goes, and then as it is kept. */
export function StartSteps({ pod }: { pod: PodView }) {
  const { tenant } = usePod()
  const { namespace, name } = pod.metadata
  const [showsEarlier, setShowsEarlier] = useState(false)
  const { startedAt } = pod.status
  const trpc = useTRPC()
  const isThis = (each: PodStartView) => startedAt !== null && Date.parse(each.startedAt) === Date.parse(startedAt)
  const starts = useQuery({
    ...trpc.start.list.queryOptions({ tenant, namespace, name, limit: 20 }),
    enabled: startedAt !== null,
    // Another start of the machine is kept as soon as the pod tells of it: ask again, but not for ever.
    refetchInterval: ({ state }) => (state.data?.items.some(isThis) || state.dataUpdateCount > 10 ? false : 1000),
  })
  const recorded = starts.data?.items.find(isThis)
  const earlier = starts.data?.items.filter((each) => each !== recorded) ?? []
  return (
    <div>
      {recorded
        ? (
          <>
            <Whole ms={recorded.wholeMs} says={recorded.first ? 'from the accepted request to the first process' : 'from the beginning on the host to the first process'} />
            <WaterfallBars waterfall={recorded} label="Parts of the start" />
            {recorded.clockShiftMs !== 0 && <p className="mt-3 text-xs text-faint">The host’s clock differs from the server’s: its times were moved by {formatWhole(Math.abs(recorded.clockShiftMs))} to fit.</p>}
          </>
        )
        : <Live pod={pod} />}
      {earlier.length > 0 && (
        <div className="mt-3">
          <Button size="sm" variant="ghost" aria-expanded={showsEarlier} onClick={() => setShowsEarlier(!showsEarlier)}>{showsEarlier ? 'Hide earlier starts' : `Show ${earlier.length} earlier ${earlier.length === 1 ? 'start' : 'starts'}`}</Button>
          {showsEarlier && <Suspense fallback={null}><EarlierStarts starts={earlier} /></Suspense>}
        </div>
      )}
    </div>
  )
}

function Whole({ ms, says }: { ms: number; says: string }) {
  return (
    <p className="mb-3 flex flex-wrap items-baseline gap-x-2">
      <span data-whole className="text-xl font-semibold tracking-[-0.01em]">{formatWhole(ms)}</span>
      <span className="text-sm text-faint">{says}</span>
    </p>
  )
}

/** A start that is under way, from what the pod says of itself. A pod that runs started before starts were kept, or has just been told of. */
function Live({ pod }: { pod: PodView }) {
  const now = useNow()
  const { startSteps, startedAt, conditions } = pod.status
  const current = startSteps.findLast((step) => step.ms === null)
  if (startSteps.length === 0) return <p className="py-4 text-center text-sm text-faint">No step has begun yet.</p>
  const bound = conditions.find((each) => each.type === 'PodScheduled' && each.status === 'True')
  const until = startedAt === null ? (now ?? Math.max(...startSteps.map((step) => Date.parse(step.startedAt) + (step.ms ?? 0)))) : Date.parse(startedAt)
  // A pod that ran before begins again on its host; its creation is long past.
  const again = pod.status.containers.some((each) => each.restartCount > 0 || each.lastEnd !== null)
  const waterfall = startWaterfall({ createdAt: again ? null : Date.parse(pod.metadata.creationTimestamp), boundAt: bound ? Date.parse(bound.lastTransitionTime) : null, steps: startSteps.filter(({ name }) => name !== 'queued' && name !== 'assigned'), startedAt: until, toldAt: until })
  return (
    <>
      <Whole ms={waterfall.wholeMs} says={startedAt === null ? 'so far' : 'to the first process'} />
      <WaterfallBars waterfall={waterfall} label="Parts of the start so far" />
      {startedAt === null && current && <p className="mt-3 flex items-center gap-1.5 text-xs text-faint"><Spinner className="size-3" />{volumesWaitedFor(pod) ? 'Waiting for its volumes' : stepName(current.name)}</p>}
    </>
  )
}
