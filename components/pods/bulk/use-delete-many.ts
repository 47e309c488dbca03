'use client'
import type { DeletionResult } from '@/domain/pod/deletion'
import type { PodView } from '@/domain/pod/view'
import { useTRPCClient } from '@/components/client/trpc'

/** How many pods are asked for in one request; the server takes no more. */
const atOnce = 100

/** Deletes just these pods, `told` the result of each by its uid after each request; throws where a request fails, what was told stays true. */
export function useDeleteMany(tenant: string) {
  const api = useTRPCClient()
  return async (pods: readonly PodView[], told: (results: ReadonlyMap<string, DeletionResult>) => void): Promise<void> => {
    for (let i = 0; i < pods.length; i += atOnce) {
      const asked = pods.slice(i, i + atOnce).map(({ metadata: { namespace, name, uid } }) => ({ namespace, name, uid }))
      const { results } = await api.pod.deleteMany.mutate({ tenant, pods: asked, requestId: crypto.randomUUID() })
      told(new Map(results.flatMap((result, j) => { const uid = asked[j]?.uid; return uid ? [[uid, result] as const] : [] })))
    }
  }
}
