'use client'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTRPC } from '@/components/client/trpc'
import { QueryFailure } from '@/components/patterns/failure'
import { EmptyState } from '@/components/ui/empty-state'
import { Skeleton } from '@/components/ui/skeleton'
import { copyName, draftOf } from '../recreate/draft-of'

export type PodName = { namespace: string; name: string }
type StartProps = PodName & { tenant: string; children: (text: string) => ReactNode }

/** `namespace/name` as an address names a pod. */
export function readReference(text: string | null): PodName | null {
  const [namespace, name, ...more] = (text ?? '').split('/')
  return namespace && name && more.length === 0 ? { namespace, name } : null
}

/** Another pod's manifest under a name of its own. */
export function CopyOfPod({ tenant, namespace, name, children }: StartProps) {
  const trpc = useTRPC()
  const pod = useQuery({ ...trpc.pod.get.queryOptions({ tenant, namespace, name }), refetchOnWindowFocus: false })
  if (pod.data) return children(draftOf(pod.data, copyName(name)))
  if (pod.error) return <QueryFailure error={pod.error} title={`Pod ${name} cannot be copied`} onRetry={() => void pod.refetch()} />
  return <Waiting />
}

/** The manifest of a pod that could not be created anew. */
export function KeptDraft({ tenant, namespace, name, children }: StartProps) {
  const trpc = useTRPC()
  const kept = useQuery({ ...trpc.pod.successor.queryOptions({ tenant, namespace, name }), refetchOnWindowFocus: false })
  const successor = kept.data?.successor
  if (successor) return children(draftOf({ metadata: { namespace, name, labels: successor.labels, annotations: successor.annotations }, spec: successor.spec }))
  if (kept.error) return <QueryFailure error={kept.error} title="The manifest cannot be shown" onRetry={() => void kept.refetch()} />
  return kept.data ? <EmptyState title={`No manifest is kept for pod “${name}”`}>It was created meanwhile, or somebody discarded it.</EmptyState> : <Waiting />
}

const Waiting = () => <div aria-busy className="mx-auto flex w-full max-w-280 flex-col gap-4"><Skeleton className="h-7 w-56" /><Skeleton className="h-64 w-full" /></div>
