'use client'
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useSubscription } from '@trpc/tanstack-react-query'
import { useRef, useState } from 'react'
import type { PodEvent, PodView } from '@/domain/pod/view'
import { useTRPC } from '@/components/client/trpc'

type PodPage = { items: PodView[]; total: number; nextCursor: string | null; resourceVersion: string }
type Keys = { list: readonly unknown[]; get: (pod: PodView) => readonly unknown[] }

const isNewer = (next: PodView, held: PodView) => next.metadata.uid !== held.metadata.uid || next.metadata.resourceVersion !== held.metadata.resourceVersion

/** Puts a change into every cached page that shows the pod. Tells whether a page must be asked for anew. */
function applyEvent(queries: QueryClient, keys: Keys, event: PodEvent): boolean {
  const pod = event.object
  if (!pod || event.type === 'bookmark') return false
  if (event.type === 'deleted') {
    void queries.invalidateQueries({ queryKey: keys.get(pod) })
    return true
  }
  queries.setQueryData<PodView>(keys.get(pod), (held) => (held && isNewer(pod, held) ? pod : held))
  let shown = false
  queries.setQueriesData<PodPage>({ queryKey: keys.list }, (page) => {
    if (!page || !page.items.some((item) => item.metadata.uid === pod.metadata.uid)) return page
    shown = true
    return { ...page, items: page.items.map((item) => (item.metadata.uid === pod.metadata.uid ? pod : item)) }
  })
  return event.type === 'added' || !shown
}

/**
 * Follows the tenant's pods (or one of them) over the one WebSocket, from the resourceVersion at which the list was read.
 * A change of a pod that is shown replaces it at once; what may change the order or the filter's result asks for the page
 * anew, at most every 400 ms.
 */
export function usePodWatch(input: { tenant: string; namespace?: string; name?: string }) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [resourceVersion, setResourceVersion] = useState(() => (input.name ? undefined : readVersion(queries, trpc.pod.list.queryKey())))
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const keys: Keys = {
    list: trpc.pod.list.queryKey(),
    get: (pod) => trpc.pod.get.queryKey({ tenant: input.tenant, namespace: pod.metadata.namespace, name: pod.metadata.name }),
  }
  const reload = () => {
    waiting.current ??= setTimeout(() => {
      waiting.current = undefined
      void queries.invalidateQueries({ queryKey: keys.list })
      if (input.name) void queries.invalidateQueries({ queryKey: trpc.event.list.queryKey() })
    }, 400)
  }
  const watch = useSubscription(trpc.pod.watch.subscriptionOptions({ ...input, ...(resourceVersion && { resourceVersion }) }, {
    // What changed before the watch began, or during a break that cannot be resumed, is asked for once.
    onStarted: () => { if (!resourceVersion) void queries.invalidateQueries({ queryKey: trpc.pod.pathKey() }) },
    // Events of a pod are written with its changes and have no stream of their own.
    onData: (data) => { if (applyEvent(queries, keys, data.data) || input.name) reload() },
    onError: () => {
      setResourceVersion(undefined)
      setTimeout(() => watch.reset(), 2000)
    },
  }))
}

/** The resourceVersion of the newest list that is held. */
function readVersion(queries: QueryClient, list: readonly unknown[]): string | undefined {
  return queries.getQueriesData<PodPage>({ queryKey: list }).findLast(([, page]) => page)?.[1]?.resourceVersion
}
