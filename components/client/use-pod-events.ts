'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useSubscription } from '@trpc/tanstack-react-query'
import { useEffect, useRef, useState } from 'react'
import type { PodEvent } from '@/domain/pod/view'
import { toFailure, type Failure } from './errors'
import { leaveToSignIn } from './signed-out'
import { useTRPC } from './trpc'
import { useThrottled } from './use-throttled'
import { afterWatchFailure } from './watch-failure'

export type PodEventsInput = { tenant: string; namespace?: string; name?: string }

type Handlers = {
  /** The resourceVersion of what is shown already; without it the watch begins now. */
  from?: string | undefined
  onEvent: (event: PodEvent) => void
  /** The watch begins at a point that joins on to nothing shown: what is shown must be asked for anew. */
  onRestart: () => void
}

/**
 * Follows the tenant's pods (or one of them) over the one WebSocket, for as long as the page is shown. Gives why it is not
 * followed any more, where trying again would be no use; null while it is.
 */
export function usePodEvents(input: PodEventsInput, { from, onEvent, onRestart }: Handlers): Failure | null {
  const trpc = useTRPC()
  const [resourceVersion, setResourceVersion] = useState(from)
  const [stopped, setStopped] = useState<Failure | null>(null)
  const failures = useRef(0)
  const begins = useRef(false)
  const restart = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(restart.current), [])
  const fail = (failure: Failure) => {
    const next = afterWatchFailure(failure.code, failures.current++)
    if (next.do === 'signIn') return leaveToSignIn()
    if (next.do === 'stop') {
      setStopped(failure)
      return onRestart()
    }
    clearTimeout(restart.current)
    // Another input makes another subscription; the same input must be asked to begin again.
    restart.current = setTimeout(() => (resourceVersion === undefined ? watch.reset() : setResourceVersion(undefined)), next.afterMs)
  }
  const watch = useSubscription(trpc.pod.watch.subscriptionOptions({ ...input, ...(resourceVersion && { resourceVersion }) }, {
    onStarted: () => { begins.current = resourceVersion === undefined },
    onData: ({ data: event }) => {
      failures.current = 0
      // The first event tells that the server has its place in the feed: what is read from now on misses nothing.
      if (begins.current) onRestart()
      begins.current = false
      if (event.type !== 'bookmark') onEvent(event)
    },
    onError: (error) => fail(toFailure(error)),
  }))
  return stopped
}

/** Asks for what is cached below `queryKey` anew when a pod of the tenant changes, at most once a second. */
export function useRefreshOnPodEvents(tenant: string, queryKey: readonly unknown[]) {
  const queries = useQueryClient()
  const refresh = useThrottled(() => void queries.invalidateQueries({ queryKey }), () => 1000)
  usePodEvents({ tenant }, { onEvent: refresh, onRestart: refresh })
}
