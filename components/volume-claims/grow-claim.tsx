'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useId, useState } from 'react'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import { formatBytes } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { writeToUnchanged, writtenOf } from '@/components/client/write-to-unchanged'
import { FailureCallout, QueryFailure } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Skeleton } from '@/components/ui/skeleton'
import { GrowthPreview } from '@/components/volumes/growth-preview'
import { largerThan } from '@/components/volumes/larger-size'
import { sizeText } from '@/components/volumes/volume-draft'
import { VolumeQuota } from '@/components/volumes/volume-quota'
import { claimFieldOf, grownSpecOf, leastGrowth } from './claim-draft'

type Props = { tenant: string; namespace: string; name: string; onClose: () => void }

/** Lets a claim ask for more, and its volume grow with it. */
export function GrowClaim({ tenant, namespace, name, onClose }: Props) {
  // As it was when the form opened, and not as it was known before: a change by somebody else meanwhile is refused.
  const claim = useQuery({ ...useTRPC().volumeClaim.get.queryOptions({ tenant, namespace, name }), staleTime: 0, refetchOnWindowFocus: false })
  if (claim.data && claim.isFetchedAfterMount) return <GrowClaimForm key={claim.data.metadata.uid} tenant={tenant} claim={claim.data} onClose={onClose} />
  return <Dialog title={`Grow ${name}`} onClose={onClose} footer={<Button onClick={onClose}>Close</Button>}>{claim.error ? <QueryFailure error={claim.error} title={`Claim ${name} cannot be shown`} onRetry={() => void claim.refetch()} /> : <Skeleton className="h-24" />}</Dialog>
}

function GrowClaimForm({ tenant, claim, onClose }: Pick<Props, 'tenant' | 'onClose'> & { claim: VolumeClaimView }) {
  const { metadata: { namespace = 'default', name }, status: { volume } } = claim
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const id = useId()
  const [opened] = useState(() => writtenOf(claim))
  const [nowBytes] = useState(() => leastGrowth(claim))
  const form = useForm({
    initial: { size: '' },
    schema: largerThan(nowBytes),
    submit: ({ size }) => writeToUnchanged(opened, {
      read: async () => writtenOf(await api.volumeClaim.get.query({ tenant, namespace, name })),
      write: (resourceVersion) => api.volumeClaim.update.mutate({ tenant, namespace, name, spec: grownSpecOf(opened.spec, sizeText(size)), resourceVersion }),
    }),
    fieldOf: claimFieldOf,
    onDone: () => {
      for (const queryKey of [trpc.volumeClaim.pathKey(), trpc.volume.pathKey()]) void queries.invalidateQueries({ queryKey })
      onClose()
    },
  })
  return (
    <Dialog title={`Grow ${name}`} onClose={onClose} footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" type="submit" form={id} pending={form.pending}>Grow claim</Button></>}>
      <form id={id} method="post" noValidate onSubmit={(event) => void form.onSubmit(event)} className="flex flex-col gap-4">
        {form.failure && <FailureCallout failure={form.failure} title="Grow claim failed" />}
        <VolumeQuota tenant={tenant} />
        <Field label="New size" hint={`More than ${formatBytes(nowBytes)}; such as 20Gi, and a number alone is of GiB`} error={form.errors['size']}>
          {(control) => <Input {...control} mono autoFocus data-autofocus autoComplete="off" spellCheck={false} value={form.values.size} onChange={(event) => form.set('size', event.target.value)} />}
        </Field>
        {volume !== null && <GrowthPreview tenant={tenant} name={volume} size={form.values.size} nowBytes={nowBytes} refused={form.errors['size'] !== undefined} />}
      </form>
    </Dialog>
  )
}
