'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { z } from 'zod'
import { dnsSubdomain } from '@/domain/shared/names'
import type { Consistency } from '@/domain/volume-snapshot/spec'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { useVolume } from '@/components/volumes/volume-frame'
import { ConsistencyField } from './consistency-field'
import { suggestedName } from './words'

type Values = { name: string; consistency: Consistency; /** Of all volumes of the pod that has this one, at one instant. */ together: boolean }
const schema = z.custom<Values>().superRefine(({ name }, context) => {
  const wrong = dnsSubdomain.safeParse(name).error?.issues[0]?.message
  if (wrong !== undefined) context.addIssue({ code: 'custom', path: ['name'], message: wrong })
})

/** Takes a snapshot of a volume, or of all that its pod has at one instant, beside its timeline. */
export function TakeSnapshotForm() {
  const { tenant, volume: { metadata: { name: volumeName }, spec, status } } = useVolume()
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const [initial] = useState<Values>(() => ({ name: suggestedName(volumeName, new Date()), consistency: 'CrashConsistent', together: false }))
  const pod = status.attachments.find(({ phase, readOnly }) => phase === 'Attached' && !readOnly)?.pod ?? null
  const form = useForm({
    initial,
    schema,
    submit: async ({ name, consistency, together }, requestId) => {
      if (together && pod) await api.volumeSnapshot.createGroup.mutate({ tenant, name, pod, consistency, requestId })
      else await api.volumeSnapshot.create.mutate({ tenant, name, spec: { source: { volumeName }, consistency }, requestId })
    },
    fieldOf: (path) => path.replace(/^spec\./, ''),
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.volumeSnapshot.pathKey() })
      router.push(paths.volumeTimeline(tenant, volumeName))
    },
  })
  const { values, set, errors } = form
  return (
    <SideForm title={`Take snapshot of ${volumeName}`} description="The volume as it is at one moment. Whoever writes to it stands still for some milliseconds." submit="Take snapshot" back={paths.volumeTimeline(tenant, volumeName)} form={form}>
      <Field label="Name" hint={values.together ? 'Of the group: each snapshot is called by it and its volume’s name' : 'Lower-case letters, digits, dashes and dots'} error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus autoComplete="off" spellCheck={false} value={values.name} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      {spec.volumeMode === 'Filesystem' && pod && <ConsistencyField value={values.consistency} error={errors['consistency']} onChange={(next) => set('consistency', next)} />}
      {pod && <Checkbox label={`All volumes of pod ${pod.name}`} hint="Snapshots of all of them, of one instant: what was written first is in them first." checked={values.together} onChange={(event) => set('together', event.target.checked)} />}
    </SideForm>
  )
}
