'use client'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { toFailure, type Failure } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import type { CheckedDraft } from '../draft'

const single = ({ documents }: CheckedDraft) => {
  const object = documents.length === 1 ? documents[0]?.object : undefined
  return object?.kind === 'Pod' ? object : undefined
}

/**
 * Sends a checked draft: one pod through `pod.create`, so that a taken name is refused; several documents through
 * `manifest.apply`. A press that is repeated carries the same request id. `kept`: the pod whose kept manifest was the draft.
 */
export function useSubmitDraft(tenant: string, kept?: { namespace: string; name: string }) {
  const api = useTRPCClient()
  const router = useRouter()
  const [pending, setPending] = useState(false)
  const [done, setDone] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [requestId, setRequestId] = useState<string | null>(null)

  const send = async (text: string, checked: CheckedDraft, id: string): Promise<string> => {
    const pod = single(checked)
    if (pod) {
      const { namespace, labels, annotations, name, generateName } = pod.metadata
      const created = await api.pod.create.mutate({ tenant, namespace, labels, annotations, spec: pod.spec, requestId: id, ...(generateName ? { generateName } : { name }) })
      return paths.pod(tenant, created.metadata.namespace, created.metadata.name)
    }
    await api['manifest.apply'].mutate({ tenant, yaml: text, requestId: id })
    return paths.pods(tenant)
  }

  const run = async (text: string, checked: CheckedDraft) => {
    if (pending) return
    const id = requestId ?? crypto.randomUUID()
    setRequestId(id)
    setPending(true)
    setFailure(null)
    try {
      const target = await send(text, checked, id)
      setDone(true)
      // It is a pod by now; where this fails the manifest is only kept longer.
      if (kept) await api.pod.discardSuccessor.mutate({ tenant, ...kept }).catch(() => {})
      router.push(target)
    } catch (error) {
      const failed = toFailure(error)
      const lineOf = checked.documents[0]?.lineOf
      setFailure({ ...failed, problems: failed.problems.map((problem) => ({ ...problem, line: problem.line ?? lineOf?.(readPath(problem.path)) ?? null })) })
      setPending(false)
      if (failed.code !== 'network') setRequestId(null)
    }
  }
  return { run, pending, done, failure, forget: () => { setFailure(null); setRequestId(null) } }
}

/** `spec.containers[0].image` as the keys of the manifest; a bare `name` is the metadata's. */
function readPath(path: string): (string | number)[] {
  const parts = [...path.matchAll(/[^.[\]]+/g)].map(([part]) => (/^\d+$/.test(part) ? Number(part) : part))
  return parts[0] === 'spec' || parts[0] === 'metadata' ? parts : ['metadata', ...parts]
}
