'use client'
import { useState } from 'react'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { writeToUnchanged, writtenOf } from '@/components/client/write-to-unchanged'
import { SideForm } from '@/components/patterns/side-form'
import { limitFieldOf, limitsDraftOf, limitsFormSchema, limitsOf } from './limits-draft'
import { LimitsFields } from './limits-fields'
import { useAfterChange } from './use-after-change'
import { useVolume } from './volume-frame'
import { useVolumeOffer } from './volume-quota'
import { limitLines } from './words'

/** How fast a volume may be, beside its page. A pod that has it feels it at once. */
export function VolumeLimitsForm() {
  const { tenant, volume } = useVolume()
  const { metadata: { name }, status: { storageClass } } = volume
  const ofClass = useVolumeOffer(tenant).data?.classes.find((each) => each.name === storageClass)?.spec
  const most = limitLines(ofClass?.limits ?? {}).join('; ')
  const api = useTRPCClient()
  const done = useAfterChange(tenant)
  // The form is of the volume as it was when the form opened: a change by somebody else meanwhile is refused.
  const [opened] = useState(() => writtenOf(volume))
  const { limits, onFull } = opened.spec
  const form = useForm({
    initial: { ...limitsDraftOf(limits), onFull: onFull ?? ('' as const) },
    schema: limitsFormSchema,
    submit: (draft) => writeToUnchanged(opened, {
      read: async () => writtenOf(await api.volume.get.query({ tenant, name })),
      write: (resourceVersion) => api.volume.update.mutate({ tenant, name, spec: { ...opened.spec, limits: limitsOf(draft), onFull: draft.onFull || undefined }, resourceVersion }),
    }),
    fieldOf: limitFieldOf,
    onDone: () => done(name),
  })
  return (
    <SideForm title={`Limits of ${name}`} description={`They hold at once, also for a pod that has it now. ${most ? `Class ${storageClass} allows at most ${most}: of each the lower one counts.` : ofClass ? 'Its class has none.' : ''}`} submit="Set limits" back={paths.volume(tenant, name)} form={form}>
      <LimitsFields values={form.values} errors={form.errors} onLimit={form.set} onFull={(next) => form.set('onFull', next)} focus />
    </SideForm>
  )
}
