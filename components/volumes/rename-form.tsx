'use client'
import { z } from 'zod'
import { dnsSubdomain } from '@/domain/shared/names'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { useAfterChange } from './use-after-change'
import { useVolume } from './volume-frame'

/** Gives a volume another name, beside its page. */
export function RenameForm() {
  const { tenant, volume: { metadata: { name } } } = useVolume()
  const api = useTRPCClient()
  const done = useAfterChange(tenant)
  const form = useForm({
    initial: { name },
    schema: z.object({ name: dnsSubdomain }),
    submit: (values) => api.volume.update.mutate({ tenant, name, newName: values.name }),
    fieldOf: (path) => (path === 'newName' ? 'name' : path),
    onDone: ({ metadata }) => done(metadata.name),
  })
  return (
    <SideForm title={`Rename ${name}`} submit="Rename volume" back={paths.volume(tenant, name)} form={form}>
      <Field label="Name" hint="Lower-case letters, digits, dashes and dots" error={form.errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus autoComplete="off" spellCheck={false} value={form.values.name} onChange={(event) => form.set('name', event.target.value)} />}
      </Field>
      <Callout tone="info" title="Its UID stays">Pods that have it keep it. A manifest that names it by its name has to be changed; one that names its UID has not.</Callout>
    </SideForm>
  )
}
