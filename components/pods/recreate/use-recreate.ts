'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { PodManifest } from '@/domain/manifest/parse'
import type { PodView } from '@/domain/pod/view'
import { toFailure, type Failure } from '@/components/client/errors'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'

/** Asks for the pod to be deleted and created anew. A press that is repeated after a lost answer carries the same request id. */
export function useRecreate(tenant: string, pod: PodView) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [pending, setPending] = useState(false)
  const [done, setDone] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [requestId, setRequestId] = useState<string | null>(null)
  const { namespace, name, uid } = pod.metadata

  const run = async ({ metadata: { labels, annotations }, spec }: PodManifest): Promise<boolean> => {
    const id = requestId ?? crypto.randomUUID()
    setRequestId(id)
    setPending(true)
    setFailure(null)
    try {
      await api.pod.recreate.mutate({ tenant, namespace, name, uid, labels, annotations, spec, requestId: id })
      setDone(true)
      await queries.invalidateQueries({ queryKey: trpc.pod.pathKey() })
      return true
    } catch (error) {
      const failed = toFailure(error)
      setFailure(failed)
      if (failed.code !== 'network') setRequestId(null)
      return false
    } finally {
      setPending(false)
    }
  }
  return { run, pending, done, failure, forget: () => { setFailure(null); setRequestId(null) } }
}
