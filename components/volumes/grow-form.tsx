'use client'
import { useState } from 'react'
import { sizeBytesOf } from '@/domain/volume/limits'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { writeToUnchanged, writtenOf } from '@/components/client/write-to-unchanged'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { GrowthPreview } from './growth-preview'
import { largerThan } from './larger-size'
import { useAfterChange } from './use-after-change'
import { sizeText } from './volume-draft'
import { useVolume } from './volume-frame'
import { VolumeQuota } from './volume-quota'

/** Makes a volume larger, beside its page. */
export function GrowForm() {
  const { tenant, volume } = useVolume()
  const { metadata: { name }, status } = volume
  const api = useTRPCClient()
  const done = useAfterChange(tenant)
  const [opened] = useState(() => writtenOf(volume))
  const form = useForm({
    initial: { size: '' },
    schema: largerThan(sizeBytesOf(opened.spec.size)),
    submit: ({ size }) => writeToUnchanged(opened, {
      read: async () => writtenOf(await api.volume.get.query({ tenant, name })),
      write: (resourceVersion) => api.volume.update.mutate({ tenant, name, size: sizeText(size), resourceVersion }),
    }),
    fieldOf: (path) => path.replace(/^spec\./, ''),
    onDone: () => done(name),
  })
  return (
    <SideForm title={`Grow ${name}`} description={`It has ${formatBytes(status.sizeBytes)}.`} submit="Grow volume" back={paths.volume(tenant, name)} form={form}>
      <VolumeQuota tenant={tenant} />
      <Field label="New size" hint="Such as 20Gi; a number alone is of GiB" error={form.errors['size']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus autoComplete="off" spellCheck={false} value={form.values.size} onChange={(event) => form.set('size', event.target.value)} />}
      </Field>
      <GrowthPreview tenant={tenant} name={name} size={form.values.size} nowBytes={status.sizeBytes} refused={form.errors['size'] !== undefined} />
    </SideForm>
  )
}
