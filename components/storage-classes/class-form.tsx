'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import type { StorageClassView } from '@/domain/storage-class/view'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { More } from '@/components/ui/more'
import { limitNames } from '@/components/volumes/limits-draft'
import { LimitNumberFields } from '@/components/volumes/limits-fields'
import { classDraftOf, classDraftSchema, classFieldOf, classSpecOf, newClassDraft, type ClassDraft } from './class-draft'

/** Once it is written, the list is shown. */
function useDone() {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  return () => {
    void queries.invalidateQueries({ queryKey: trpc.storageClass.pathKey() })
    router.push(paths.storageClasses())
  }
}

/** A new class beside the list. */
export function ClassForm() {
  const stores = useQuery(useTRPC().volumeStore.list.queryOptions())
  // Of one store there is no choice.
  return stores.data ? <NewClassForm only={stores.data.items.length === 1 ? stores.data.items[0]?.metadata.name ?? '' : ''} /> : null
}

function NewClassForm({ only }: { only: string }) {
  const api = useTRPCClient()
  const [initial] = useState(() => newClassDraft(only))
  const form = useForm({
    initial,
    schema: classDraftSchema,
    submit: (draft, requestId) => api.storageClass.create.mutate({ name: draft.name, spec: classSpecOf(draft), requestId }),
    fieldOf: classFieldOf,
    onDone: useDone(),
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create storage class" description="What tenants choose from: where their volumes are kept, and what they have." submit="Create storage class" back={paths.storageClasses()} form={form}>
      <Field label="Name" hint="Tenants read it: lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <ClassFields values={values} errors={errors} set={set} />
    </SideForm>
  )
}

/** Changes a class beside the list. */
export function EditClass({ name }: { name: string }) {
  const { data } = useQuery(useTRPC().storageClass.get.queryOptions({ name }))
  return data ? <EditForm storageClass={data} /> : null
}

function EditForm({ storageClass }: { storageClass: StorageClassView }) {
  const { name } = storageClass.metadata
  const api = useTRPCClient()
  // The form is of the class as it was when the form opened: a change by somebody else meanwhile is refused by its resourceVersion.
  const [{ metadata: { resourceVersion }, spec }] = useState(storageClass)
  const [initial] = useState(() => classDraftOf(name, spec))
  const form = useForm({
    initial,
    schema: classDraftSchema,
    submit: (draft) => api.storageClass.update.mutate({ name, spec: classSpecOf(draft), resourceVersion }),
    fieldOf: classFieldOf,
    onDone: useDone(),
  })
  return (
    <SideForm title={`Edit ${name}`} description="What volumes that are there have of it changes too, where they say nothing themselves." submit="Save storage class" back={paths.storageClasses()} form={form}>
      <ClassFields values={form.values} errors={form.errors} set={form.set} />
    </SideForm>
  )
}

type FieldsProps = { values: ClassDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof ClassDraft>(name: K, value: ClassDraft[K]) => void }

function ClassFields({ values, errors, set }: FieldsProps) {
  const stores = useQuery(useTRPC().volumeStore.list.queryOptions())
  const names = [...new Set([...(values.store ? [values.store] : []), ...(stores.data?.items ?? []).map(({ metadata }) => metadata.name)])]
  return (
    <>
      <Field label="Store" error={errors['store']}>
        {(control) => <Select {...control} value={values.store} onChange={(event) => set('store', event.target.value)}><option value="">Choose a store</option>{names.map((each) => <option key={each}>{each}</option>)}</Select>}
      </Field>
      <Field label="File system" hint="Of blank volumes that name none" error={errors['fsType']}>
        {(control) => <Select {...control} value={values.fsType} onChange={(event) => set('fsType', event.target.value === 'xfs' ? 'xfs' : 'ext4')}><option>ext4</option><option>xfs</option></Select>}
      </Field>
      <Field label="When a claim goes" error={errors['reclaimPolicy']}>
        {(control) => <Select {...control} value={values.reclaimPolicy} onChange={(event) => set('reclaimPolicy', event.target.value === 'Retain' ? 'Retain' : 'Delete')}><option value="Delete">Its volume is deleted, and can be restored for a while</option><option value="Retain">Its volume stays</option></Select>}
      </Field>
      <Field label="A volume is made" error={errors['volumeBindingMode']}>
        {(control) => <Select {...control} value={values.volumeBindingMode} onChange={(event) => set('volumeBindingMode', event.target.value === 'Immediate' ? 'Immediate' : 'WaitForFirstConsumer')}><option value="WaitForFirstConsumer">Where its first pod is placed</option><option value="Immediate">At once, where most room is</option></Select>}
      </Field>
      <Field label="Where its store is full" error={errors['onFull']}>
        {(control) => <Select {...control} value={values.onFull} onChange={(event) => set('onFull', event.target.value === 'Fail' ? 'Fail' : 'Pause')}><option value="Pause">The pod stands still until there is room</option><option value="Fail">Writes end with “No space left on device”</option></Select>}
      </Field>
      <Checkbox label="Volumes grow" hint="While pods have them; never back." checked={values.allowVolumeExpansion} onChange={(event) => set('allowVolumeExpansion', event.target.checked)} />
      <Checkbox label="Clones stand by themselves" hint="They are copied in the background until they depend on no snapshot." checked={values.flattenClones} onChange={(event) => set('flattenClones', event.target.checked)} />
      <div className="flex flex-col gap-1">
        <Checkbox label="The usual class" hint="Of volumes and claims that name none; one class at most." checked={values.default} onChange={(event) => set('default', event.target.checked)} />
        {errors['default'] && <p role="alert" className="text-xs text-error-content">{errors['default']}</p>}
      </div>
      <More label="The most that each volume may do" wrong={limitNames.some((each) => errors[each] !== undefined)}><LimitNumberFields values={values} errors={errors} onLimit={set} /></More>
    </>
  )
}
