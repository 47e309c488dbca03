'use client'
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { PodEvent, PodView } from '@/domain/pod/view'
import type { Failure } from '@/components/client/errors'
import { useTRPC } from '@/components/client/trpc'
import { usePodEvents, type PodEventsInput } from '@/components/client/use-pod-events'
import { useThrottled } from '@/components/client/use-throttled'

type PodPage = { items: PodView[]; total: number; nextCursor: string | null; resourceVersion: string }
type Keys = { list: readonly unknown[]; get: (pod: PodView) => readonly unknown[] }

const isNewer = (next: PodView, held: PodView) => next.metadata.uid !== held.metadata.uid || next.metadata.resourceVersion !== held.metadata.resourceVersion

/** What lists filter and sort by and may change: a pod that is shown stays where it is while this does. */
const placeOf = ({ metadata, status }: PodView) => JSON.stringify([status.phase, status.hostName, status.containers.reduce((sum, c) => sum + c.restartCount, 0), metadata.labels])

/** Puts a change into every cached page that shows the pod. Tells whether a page must be asked for anew. */
function applyEvent(queries: QueryClient, keys: Keys, event: PodEvent): boolean {
  const pod = event.object
  if (!pod) return false
  if (event.type === 'deleted') {
    void queries.invalidateQueries({ queryKey: keys.get(pod) })
    return true
  }
  queries.setQueryData<PodView>(keys.get(pod), (held) => (held && isNewer(pod, held) ? pod : held))
  let placed = false
  queries.setQueriesData<PodPage>({ queryKey: keys.list }, (page) => {
    const shown = page?.items.find((item) => item.metadata.uid === pod.metadata.uid)
    if (!page || !shown) return page
    placed = placeOf(shown) === placeOf(pod)
    return { ...page, items: page.items.map((item) => (item.metadata.uid === pod.metadata.uid ? pod : item)) }
  })
  return event.type === 'added' || !placed
}

/**
 * Follows the tenant's pods (or one of them) over the one WebSocket, from the resourceVersion at which the list was read.
 * A change of a pod that is shown replaces it at once; what may change the order or the filter's result asks for the page
 * anew, at most every 400 ms, of many pods every 2 s. Gives why the pods are not followed any more, if so.
 */
export function usePodWatch(input: PodEventsInput): Failure | null {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const keys: Keys = {
    list: trpc.pod.list.queryKey(),
    get: (pod) => trpc.pod.get.queryKey({ tenant: input.tenant, namespace: pod.metadata.namespace, name: pod.metadata.name }),
  }
  const reload = useThrottled(() => {
    void queries.invalidateQueries({ queryKey: keys.list })
    if (input.name) void queries.invalidateQueries({ queryKey: trpc.event.list.queryKey() })
  }, () => ((newestPage(queries, keys.list)?.total ?? 0) > manyPods ? 2000 : 400))
  const [from] = useState(() => (input.name ? undefined : newestPage(queries, keys.list)?.resourceVersion))
  return usePodEvents(input, {
    from,
    onRestart: () => void queries.invalidateQueries({ queryKey: trpc.pod.pathKey() }),
    // Events of a pod are written with its changes and have no stream of their own.
    onEvent: (event) => { if (applyEvent(queries, keys, event) || input.name) reload() },
  })
}

/** Where some pod changes all the time, a page anew with each change would be work for nothing. */
const manyPods = 1000

/** The newest list that is held. */
const newestPage = (queries: QueryClient, list: readonly unknown[]) => queries.getQueriesData<PodPage>({ queryKey: list }).findLast(([, page]) => page)?.[1]
