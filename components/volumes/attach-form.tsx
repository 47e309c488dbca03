'use client'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Checkbox } from '@/components/ui/checkbox'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { More } from '@/components/ui/more'
import { attachDraftSchema, attachFieldOf, newAttachDraft, placesOf, podOf, type AttachDraft } from './attach-draft'
import { useAfterChange } from './use-after-change'
import { useVolume } from './volume-frame'

/** Gives a volume to a pod that runs, beside its page. */
export function AttachForm() {
  const { tenant, volume: { metadata: { name }, spec, status } } = useVolume()
  const api = useTRPCClient()
  const done = useAfterChange(tenant)
  const pod = useQueryString().get('pod')
  const [initial] = useState(() => newAttachDraft(pod, spec.volumeMode === 'Block'))
  const form = useForm({
    initial,
    schema: attachDraftSchema,
    submit: async (draft) => {
      const named = podOf(draft) ?? { namespace: 'default', name: '' }
      const containers = draft.container === '' ? (await api.pod.get.query({ tenant, ...named })).spec.containers.map((each) => each.name) : []
      return api.volume.attach.mutate({ tenant, name, pod: named, ...placesOf(draft, containers), readOnly: draft.readOnly })
    },
    fieldOf: attachFieldOf,
    onDone: () => done(name),
  })
  return (
    <SideForm title={`Attach ${name}`} description="To a pod that runs: its containers have it a moment later, and none is started anew." submit="Attach volume" back={paths.volume(tenant, name)} form={form}>
      <AttachFields tenant={tenant} values={form.values} errors={form.errors} set={form.set} isReadOnly={spec.accessMode === 'ReadOnlyMany'} />
      {spec.volumeMode === 'Filesystem' && status.formatted === null && spec.source.kind === 'Blank' && <Callout tone="info" title="It is blank">The pod’s machine makes {spec.fsType ?? 'a file system'} on it first. What is on a volume already is never formatted.</Callout>}
    </SideForm>
  )
}

type FieldsProps = { tenant: string; values: AttachDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof AttachDraft>(name: K, value: AttachDraft[K]) => void; isReadOnly: boolean }

function AttachFields({ tenant, values, errors, set, isReadOnly }: FieldsProps) {
  return (
    <>
      <PodField tenant={tenant} value={values.pod} error={errors['pod']} onChange={(next) => set('pod', next)} />
      <ContainerField tenant={tenant} values={values} error={errors['container']} onChange={(next) => set('container', next)} />
      <Field label={values.isBlock ? 'Device at' : 'Mounted at'} hint={values.isBlock ? 'A path in the container below /dev where nothing is yet' : 'A folder in the container; it is made where it is not there'} error={errors['path']}>
        {(control) => <Input {...control} mono value={values.path} autoComplete="off" spellCheck={false} onChange={(event) => set('path', event.target.value)} />}
      </Field>
      <More wrong={errors['subPath'] !== undefined} initiallyOpen={isReadOnly}>
        {!values.isBlock && (
          <Field label="Only the folder" optional hint="Of the volume, such as files/web; all of it without one" error={errors['subPath']}>
            {(control) => <Input {...control} mono value={values.subPath} autoComplete="off" spellCheck={false} onChange={(event) => set('subPath', event.target.value)} />}
          </Field>
        )}
        <Checkbox label="Read only" hint={isReadOnly ? 'Nobody writes this volume.' : 'The pod cannot write it.'} checked={values.readOnly || isReadOnly} disabled={isReadOnly} onChange={(event) => set('readOnly', event.target.checked)} />
      </More>
    </>
  )
}

/** Pods are many: what is typed is asked of the server. */
function PodField({ tenant, value, error, onChange }: { tenant: string; value: string; error: string | undefined; onChange: (next: string) => void }) {
  const search = useDeferredValue(value).split('/').at(-1)?.trim() ?? ''
  const pods = useQuery(useTRPC().pod.list.queryOptions({ tenant, limit: 50, ...(search && { search }) }))
  return (
    <Field label="Pod" hint={pods.data?.total === 0 && !search ? 'There is no pod yet. A new one has the volume from its start by its manifest.' : 'As namespace/name; one that runs'} error={error}>
      {(control) => <Combobox {...control} autoFocus data-autofocus mono value={value} onChange={onChange} options={(pods.data?.items ?? []).map(({ metadata, status }) => ({ value: `${metadata.namespace}/${metadata.name}`, detail: status.phase }))} />}
    </Field>
  )
}

/** The containers of the pod that is named; all of them get it where none is chosen. */
function ContainerField({ tenant, values, error, onChange }: { tenant: string; values: AttachDraft; error: string | undefined; onChange: (next: string) => void }) {
  const deferred = useDeferredValue(values.pod)
  const named = podOf({ pod: deferred })
  const pod = useQuery({ ...useTRPC().pod.get.queryOptions({ tenant, ...(named ?? { namespace: 'default', name: 'none' }) }), enabled: named !== null && deferred.includes('/'), retry: false })
  const names = pod.data?.spec.containers.map((each) => each.name) ?? []
  if (names.length < 2 && error === undefined) return null
  return (
    <Field label="Container" error={error}>
      {(control) => <Select {...control} value={values.container} onChange={(event) => onChange(event.target.value)}><option value="">All of them</option>{names.map((each) => <option key={each}>{each}</option>)}</Select>}
    </Field>
  )
}
