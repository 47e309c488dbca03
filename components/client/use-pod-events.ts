'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useSubscription } from '@trpc/tanstack-react-query'
import type { PodEvent } from '@/domain/pod/view'
import type { Failure } from './errors'
import { useTRPC } from './trpc'
import { useFeed, type FeedWatch } from './use-feed'
import { useThrottled } from './use-throttled'

export type PodEventsInput = { tenant: string; namespace?: string; name?: string }

/** Follows the tenant's pods, or one of them: see {@link useFeed}. */
export function usePodEvents(input: PodEventsInput, handlers: { from?: string | undefined; onEvent: (event: PodEvent) => void; onRestart: () => void }): Failure | null {
  const trpc = useTRPC()
  const useWatch = ({ resume, on }: FeedWatch<PodEvent>) => useSubscription(trpc.pod.watch.subscriptionOptions({ ...input, ...resume }, on))
  return useFeed(useWatch, handlers)
}

/** Asks for what is cached below `queryKey` anew when a pod of the tenant changes, at most once a second. */
export function useRefreshOnPodEvents(tenant: string, queryKey: readonly unknown[]) {
  const queries = useQueryClient()
  const refresh = useThrottled(() => void queries.invalidateQueries({ queryKey }), () => 1000)
  usePodEvents({ tenant }, { onEvent: refresh, onRestart: refresh })
}
