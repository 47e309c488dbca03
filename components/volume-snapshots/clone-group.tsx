'use client'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useDeferredValue, useId } from 'react'
import { z } from 'zod'
import { dnsLabel } from '@/domain/shared/names'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { FailureCallout } from '@/components/patterns/failure'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { previewOf } from '@/components/volumes/consequences'

/** Makes a new volume of each snapshot of a group. Each is called by its source's name and what is typed. */
export function CloneGroup({ tenant, group, count, onClose, onDone }: { tenant: string; group: string; count: number; onClose: () => void; onDone: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const id = useId()
  const form = useForm({
    initial: { suffix: 'copy' },
    schema: z.object({ suffix: dnsLabel }),
    submit: ({ suffix }, requestId) => api.volumeSnapshot.cloneGroup.mutate({ tenant, group, suffix, requestId }),
    // What is wrong with one of the new volumes has no field of its own.
    fieldOf: () => 'suffix',
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.volume.pathKey() })
      onClose()
      onDone()
    },
  })
  const suffix = useDeferredValue(form.values.suffix)
  const isName = dnsLabel.safeParse(suffix).success
  const preview = useQuery({ ...trpc.volumeSnapshot.previewGroup.queryOptions({ tenant, group, verb: 'clone', suffix: isName ? suffix : 'copy' }), enabled: isName, staleTime: 0, gcTime: 0, retry: false, placeholderData: keepPreviousData })
  const { consequences, disabledReason } = previewOf(preview)
  const verb = `Create ${formatCount(count, 'volume')}`
  return (
    <Dialog title="Clone all of one instant" onClose={onClose} footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" type="submit" form={id} pending={form.pending} disabledReason={preview.isPlaceholderData || !isName ? undefined : disabledReason}>{verb}</Button></>}>
      <form id={id} method="post" noValidate onSubmit={(event) => void form.onSubmit(event)} className="flex flex-col gap-4">
        {form.failure && <FailureCallout failure={form.failure} title={`${verb} failed`} />}
        <Field label="Called by the volume’s name and" hint="data with copy is data-copy" error={form.errors['suffix']}>
          {(control) => <Input {...control} mono autoFocus data-autofocus autoComplete="off" spellCheck={false} value={form.values.suffix} onChange={(event) => form.set('suffix', event.target.value)} />}
        </Field>
        {isName && <ul aria-live="polite" className="flex list-disc flex-col gap-1 pl-4 text-sm text-soft marker:text-faint">{consequences.map((line, i) => <li key={i}>{line}</li>)}</ul>}
      </form>
    </Dialog>
  )
}
