'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useSubscription } from '@trpc/tanstack-react-query'
import type { ChangeEvent } from '@/domain/shared/change-event'
import { useTRPC } from './trpc'
import { useFeed, type FeedWatch } from './use-feed'
import { useThrottled } from './use-throttled'

/** Much that changes at once is read once; a first change is seen soon. A list costs more than an object, and one of its many changes more often. */
export const objectMs = 500
export const listMs = 3_000

/**
 * Asks for what is cached below each of `queryKeys` anew when something of what the page shows changes: `of` says which watch tells. With a namespace only what is in it, or in none.
 * The page need not ask by itself then. At most once `everyMs`.
 */
export function useRefreshOnChanges(of: 'loadBalancer' | 'service' | 'floatingAddress' | 'volume' | 'volumeClaim' | 'volumeSnapshot', { tenant, namespace, everyMs = objectMs }: { tenant: string; namespace?: string | undefined; everyMs?: number }, ...queryKeys: readonly (readonly unknown[])[]) {
  const trpc = useTRPC()
  const refresh = useRefresh(queryKeys, everyMs)
  const useWatch = ({ resume, on }: FeedWatch<ChangeEvent>) => useSubscription(trpc[of].watch.subscriptionOptions({ tenant, ...(namespace !== undefined && { namespace }), ...resume }, on))
  useFeed(useWatch, { onEvent: refresh, onRestart: refresh })
}

/** The same of stores of volumes and storage classes, for operators. */
export function useRefreshOnStores(...queryKeys: readonly (readonly unknown[])[]) {
  const trpc = useTRPC()
  const refresh = useRefresh(queryKeys, listMs)
  const useWatch = ({ resume, on }: FeedWatch<ChangeEvent>) => useSubscription(trpc.volumeStore.watch.subscriptionOptions(resume, on))
  useFeed(useWatch, { onEvent: refresh, onRestart: refresh })
}

function useRefresh(queryKeys: readonly (readonly unknown[])[], everyMs: number): () => void {
  const queries = useQueryClient()
  return useThrottled(() => { for (const queryKey of queryKeys) void queries.invalidateQueries({ queryKey }) }, () => everyMs)
}
