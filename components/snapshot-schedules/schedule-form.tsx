'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import type { SnapshotScheduleView } from '@/domain/snapshot-schedule/view'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { writeToUnchanged, writtenOf } from '@/components/client/write-to-unchanged'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { TextLink } from '@/components/ui/text-link'
import { newScheduleDraft, scheduleDraftOf, scheduleDraftSchema, scheduleFieldOf, scheduleSpecOf, type ScheduleDraft } from './schedule-draft'
import { ScheduleFields } from './schedule-fields'
import { SchedulePreview } from './schedule-preview'

/** Once it is written, its page is shown. */
function useDone(tenant: string) {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  return ({ metadata }: Pick<SnapshotScheduleView, 'metadata'>) => {
    void queries.invalidateQueries({ queryKey: trpc.snapshotSchedule.pathKey() })
    router.push(paths.snapshotSchedule(tenant, metadata.name))
  }
}

/** A new schedule beside the list. */
export function ScheduleForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const onDone = useDone(tenant)
  const volume = useQueryString().get('volume')
  const [initial] = useState(() => newScheduleDraft(volume))
  const form = useForm({
    initial,
    schema: scheduleDraftSchema,
    submit: (draft, requestId) => api.snapshotSchedule.create.mutate({ tenant, name: draft.name, spec: scheduleSpecOf(draft), requestId }),
    fieldOf: scheduleFieldOf,
    onDone,
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create schedule" description={<TextLink href={paths.applyYaml(tenant, { kind: 'SnapshotSchedule' })}>Write it as YAML</TextLink>} submit="Create schedule" back={paths.snapshotSchedules(tenant)} form={form}>
      <Field label="Name" hint="Lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <ScheduleFields tenant={tenant} values={values} errors={errors} set={set} />
      <SchedulePreview tenant={tenant} name={values.name} draft={values} />
    </SideForm>
  )
}

/** Changes a schedule beside its page. */
export function EditSchedule({ tenant, name }: { tenant: string; name: string }) {
  const { data } = useQuery(useTRPC().snapshotSchedule.get.queryOptions({ tenant, name }))
  const draft = data && scheduleDraftOf(name, data.spec)
  // Where there is none, the page behind says so.
  return data && draft ? <EditForm tenant={tenant} schedule={data} draft={draft} /> : null
}

function EditForm({ tenant, schedule, draft }: { tenant: string; schedule: SnapshotScheduleView; draft: ScheduleDraft }) {
  const { name } = schedule.metadata
  const api = useTRPCClient()
  const onDone = useDone(tenant)
  // The form is of the schedule as it was when the form opened: a change by somebody else meanwhile is refused.
  const [opened] = useState(() => writtenOf(schedule))
  const [initial] = useState(draft)
  const form = useForm({
    initial,
    schema: scheduleDraftSchema,
    submit: (values) => writeToUnchanged(opened, {
      read: async () => writtenOf(await api.snapshotSchedule.get.query({ tenant, name })),
      write: (resourceVersion) => api.snapshotSchedule.update.mutate({ tenant, name, spec: scheduleSpecOf(values), resourceVersion }),
    }),
    fieldOf: scheduleFieldOf,
    onDone,
  })
  return (
    <SideForm title={`Edit ${name}`} submit="Save schedule" back={paths.snapshotSchedule(tenant, name)} form={form}>
      <ScheduleFields tenant={tenant} values={form.values} errors={form.errors} set={form.set} />
      <SchedulePreview tenant={tenant} name={name} draft={form.values} />
    </SideForm>
  )
}
