'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { z } from 'zod'
import { sizeBytesOf, volumeSize } from '@/domain/volume/limits'
import { formatBytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { writeToUnchanged, writtenOf } from '@/components/client/write-to-unchanged'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { useAfterChange } from './use-after-change'
import { sizeText } from './volume-draft'
import { useVolume } from './volume-frame'
import { VolumeQuota } from './volume-quota'

/** A size that is larger than now. */
const schemaOf = (nowBytes: number) => z.custom<{ size: string }>().superRefine(({ size }, context) => {
  const text = sizeText(size)
  const wrong = volumeSize.safeParse(text).error?.issues[0]?.message ?? (sizeBytesOf(text) <= nowBytes ? `must be more than ${formatBytes(nowBytes)}: a volume cannot shrink, for its file system would lose what is beyond` : undefined)
  if (wrong !== undefined) context.addIssue({ code: 'custom', path: ['size'], message: wrong })
})

/** Makes a volume larger, beside its page. */
export function GrowForm() {
  const { tenant, volume } = useVolume()
  const { metadata: { name }, status } = volume
  const api = useTRPCClient()
  const done = useAfterChange(tenant)
  const [opened] = useState(() => writtenOf(volume))
  const form = useForm({
    initial: { size: '' },
    schema: schemaOf(sizeBytesOf(opened.spec.size)),
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
      <GrowthPreview tenant={tenant} name={name} size={form.values.size} nowBytes={status.sizeBytes} />
    </SideForm>
  )
}

/** What follows from a size, as the server says it while it is typed. */
function GrowthPreview({ tenant, name, size, nowBytes }: { tenant: string; name: string; size: string; nowBytes: number }) {
  const text = sizeText(useDeferredValue(size))
  const isLarger = volumeSize.safeParse(text).success && sizeBytesOf(text) > nowBytes
  const { data } = useQuery({ ...useTRPC().volume.preview.queryOptions({ tenant, name, verb: 'grow', size: isLarger ? text : '16Ti' }), enabled: isLarger, retry: false, placeholderData: keepPreviousData })
  if (!data || !isLarger) return <Callout tone="info" title="At once, also while a pod has it">Nothing is unmounted, and no write fails. It cannot be made smaller again.</Callout>
  if (data.problem !== null) return <Callout tone="notice" title="It cannot grow to that">{data.problem}</Callout>
  return <Callout tone="info" title="At once"><ul className="flex list-disc flex-col gap-1 pl-4">{data.consequences.map(({ text: line }) => <li key={line}>{line}</li>)}</ul></Callout>
}
