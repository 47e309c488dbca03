'use client'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { toFailure } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { Button, ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { notify } from '@/components/ui/toast'

type SuccessorNoteProps = { tenant: string; namespace: string; name: string }

/** What follows on a pod that goes or has gone: that it is created anew, or why it was not, with the manifest that was kept. Mounted anew it asks anew. */
export function SuccessorNote({ tenant, namespace, name }: SuccessorNoteProps) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const found = useQuery({ ...trpc.pod.successor.queryOptions({ tenant, namespace, name }), refetchOnMount: 'always' })
  const discard = useMutation(trpc.pod.discardSuccessor.mutationOptions({
    onSuccess: () => queries.invalidateQueries({ queryKey: trpc.pod.successor.queryKey() }),
    onError: (error) => void notify({ title: 'It is still to be created anew', detail: toFailure(error).message, tone: 'error' }),
  }))
  const successor = found.data?.successor
  if (!successor) return null
  const letGo = (label: string) => <Button size="sm" pending={discard.isPending} onClick={() => discard.mutate({ tenant, namespace, name })}>{label}</Button>
  if (successor.state === 'waiting') return <Callout title="Created anew once this pod has gone" actions={letGo('Do not create it anew')}>The new manifest is kept with the server. Nothing more is needed from you.</Callout>
  return (
    <Callout tone="error" title="The pod was not created anew" actions={<><ButtonLink size="sm" href={paths.newPod(tenant, { draft: `${namespace}/${name}` })}>Open the manifest</ButtonLink>{letGo('Discard it')}</>}>
      {successor.problem}
    </Callout>
  )
}
