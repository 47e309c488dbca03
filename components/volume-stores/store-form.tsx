'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import type { VolumeStoreView } from '@/domain/volume-store/view'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Input, Textarea } from '@/components/ui/input'
import { Segmented } from '@/components/ui/segmented'
import { newStoreDraft, storeDraftOf, storeDraftSchemaOf, storeFieldOf, storeSpecOf, type StoreDraft } from './store-draft'

/** Once it is written, its page is shown. */
function useDone() {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  return ({ metadata }: Pick<VolumeStoreView, 'metadata'>) => {
    void queries.invalidateQueries({ queryKey: trpc.volumeStore.pathKey() })
    router.push(paths.volumeStore(metadata.name))
  }
}

const keyOf = ({ kind, key }: StoreDraft) => (kind === 'rbd' && key.trim() ? { key: key.trim() } : {})

/** A new store beside the list. */
export function StoreForm() {
  const api = useTRPCClient()
  const [initial] = useState(newStoreDraft)
  const form = useForm({
    initial,
    schema: storeDraftSchemaOf(true),
    submit: (draft, requestId) => api.volumeStore.create.mutate({ name: draft.name, spec: storeSpecOf(draft), ...keyOf(draft), requestId }),
    fieldOf: storeFieldOf,
    onDone: useDone(),
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create volume store" description="Where volumes are kept. Tenants choose a storage class, which names a store." submit="Create volume store" back={paths.volumeStores()} form={form}>
      <Field label="Name" hint="Lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <div className="flex flex-col items-start gap-1">
        <span className="text-xs font-medium text-soft" aria-hidden>Kind</span>
        <Segmented label="Kind" value={values.kind} onChange={(next) => set('kind', next)} options={[{ value: 'file', label: 'Files', hint: 'Images in a folder of each host, or of all of them' }, { value: 'rbd', label: 'Ceph', hint: 'Images of a pool, opened by any host' }]} />
      </div>
      <StoreFields values={values} errors={errors} set={set} hasKey={false} />
    </SideForm>
  )
}

/** Changes a store beside its page. */
export function EditStore({ name }: { name: string }) {
  const { data } = useQuery(useTRPC().volumeStore.get.queryOptions({ name }))
  // Where there is none, the page behind says so.
  return data ? <EditForm store={data} /> : null
}

function EditForm({ store }: { store: VolumeStoreView }) {
  const { name } = store.metadata
  const api = useTRPCClient()
  // The form is of the store as it was when the form opened: a change by somebody else meanwhile is refused by its resourceVersion.
  const [{ metadata: { resourceVersion }, spec, status }] = useState(store)
  const [initial] = useState(() => storeDraftOf(name, spec))
  const form = useForm({
    initial,
    schema: storeDraftSchemaOf(!status.hasKey),
    submit: (draft) => api.volumeStore.update.mutate({ name, spec: storeSpecOf(draft), ...keyOf(draft), resourceVersion }),
    fieldOf: storeFieldOf,
    onDone: useDone(),
  })
  return (
    <SideForm title={`Edit ${name}`} submit="Save volume store" back={paths.volumeStore(name)} form={form}>
      {status.volumes > 0 && <Callout tone="notice" title={`${formatCount(status.volumes, 'volume')} ${status.volumes === 1 ? 'is' : 'are'} kept in it`}>Hosts look for them where the store is said to be: what lies elsewhere is not found.</Callout>}
      <StoreFields values={form.values} errors={form.errors} set={form.set} hasKey={status.hasKey} />
    </SideForm>
  )
}

const input = { mono: true, autoComplete: 'off', spellCheck: false } as const
type FieldsProps = { values: StoreDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof StoreDraft>(name: K, value: StoreDraft[K]) => void }

function StoreFields({ hasKey, ...props }: FieldsProps & { hasKey: boolean }) {
  return props.values.kind === 'file' ? <FileFields {...props} /> : <CephFields {...props} hasKey={hasKey} />
}

function FileFields({ values, errors, set }: FieldsProps) {
  return (
    <>
      <Field label="Folder" optional={!values.shared} hint={values.shared ? 'Where every host has it mounted' : 'Empty: as each host’s setting HYPERNETES_VOLUMES says'} error={errors['folder']}>
        {(control) => <Input {...control} {...input} value={values.folder} placeholder="/srv/volumes" onChange={(event) => set('folder', event.target.value)} />}
      </Field>
      <Checkbox label="The same on every host" hint="A shared file system, such as NFS: a volume goes wherever its pod goes. Of a silent host an operator has to say that it is lost before another opens its volumes." checked={values.shared} onChange={(event) => set('shared', event.target.checked)} />
    </>
  )
}

function CephFields({ values, errors, set, hasKey }: FieldsProps & { hasKey: boolean }) {
  return (
    <>
      <Field label="Monitors" hint="Address and port, a line each" error={errors['monitors']}>
        {(control) => <Textarea {...control} mono rows={3} placeholder="192.0.2.1:3300" value={values.monitors} spellCheck={false} onChange={(event) => set('monitors', event.target.value)} />}
      </Field>
      <Field label="Pool" hint="A tenant’s images lie in an RBD namespace of its own" error={errors['pool']}>
        {(control) => <Input {...control} {...input} value={values.pool} onChange={(event) => set('pool', event.target.value)} />}
      </Field>
      <Field label="User" hint="Who may make users of the tenants and shut clients out, such as hypernetes for client.hypernetes" error={errors['user']}>
        {(control) => <Input {...control} {...input} value={values.user} onChange={(event) => set('user', event.target.value)} />}
      </Field>
      <Field label="Key" optional={hasKey} hint={hasKey ? 'Empty: the one that is kept stays' : 'Of that user; it is kept wrapped, and told to nobody'} error={errors['key']}>
        {(control) => <Input {...control} {...input} type="password" autoComplete="new-password" value={values.key} onChange={(event) => set('key', event.target.value)} />}
      </Field>
      <Field label="Networks" hint="Where the daemons of Ceph are, a subnet each line: pods’ machines with such volumes reach these and nothing else" error={errors['networks']}>
        {(control) => <Textarea {...control} mono rows={2} placeholder="192.0.2.0/24" value={values.networks} spellCheck={false} onChange={(event) => set('networks', event.target.value)} />}
      </Field>
    </>
  )
}
