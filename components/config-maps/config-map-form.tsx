'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { z } from 'zod'
import { maxConfigurationBytes } from '@/domain/config-map/content'
import type { ConfigMapView } from '@/domain/config-map/view'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Textarea } from '@/components/ui/input'
import { entryBytes, entryOfBase64, keyProblem, newEntry, toValues, type Entry } from './entries'
import { EntryRows } from './entry-rows'
import { labelsText, readLabels } from './labels-text'
import { ObjectFields } from './object-fields'

/** Rows whose keys cannot be are marked; nothing is sent then, nor what is too large together. */
export const entriesSchema = z.custom<Entry[]>()
  .refine((entries) => entries.every((entry) => keyProblem(entries, entry) === null), 'Mend the keys that are marked')
  .refine((entries) => entries.reduce((sum, entry) => sum + entryBytes(entry), 0) <= maxConfigurationBytes, 'The values take more than 1 MiB together: remove some')
const createSchema = z.object({ name: z.string(), namespace: z.string(), entries: entriesSchema, immutable: z.boolean() })
const editSchema = z.object({ entries: entriesSchema, labels: z.string(), immutable: z.boolean(), resourceVersion: z.string() })
const immutableHint = 'Nobody can change it any more; hosts need not look for changes. It can still be deleted.'

/** A new ConfigMap beside the list. */
export function ConfigMapForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const [initial] = useState(() => ({ name: '', namespace: 'default', entries: [newEntry()], immutable: false }))
  const form = useForm({
    initial,
    schema: createSchema,
    submit: ({ name, namespace, entries, immutable }, requestId) => {
      const { text, binary } = toValues(entries)
      return api.configMap.create.mutate({ tenant, namespace, name, data: text, binaryData: binary, immutable, requestId })
    },
    onDone: ({ metadata }) => {
      void queries.invalidateQueries({ queryKey: trpc.configMap.list.queryKey() })
      router.push(paths.configMap(tenant, metadata.namespace, metadata.name))
    },
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create ConfigMap" submit="Create ConfigMap" back={paths.configMaps(tenant)} form={form}>
      <ObjectFields tenant={tenant} name={values.name} namespace={values.namespace} errors={errors} onName={(next) => set('name', next)} onNamespace={(next) => set('namespace', next)} />
      <EntryRows entries={values.entries} error={errors['entries']} onChange={(next) => set('entries', next)} />
      <Checkbox label="Immutable" hint={immutableHint} checked={values.immutable} onChange={(event) => set('immutable', event.target.checked)} />
    </SideForm>
  )
}

/** Changes a ConfigMap beside its page, once it is there. */
export function EditConfigMap({ tenant, namespace, name }: { tenant: string; namespace: string; name: string }) {
  const trpc = useTRPC()
  const { data } = useQuery(trpc.configMap.get.queryOptions({ tenant, namespace, name }))
  return data ? <EditForm tenant={tenant} configMap={data} /> : null
}

function EditForm({ tenant, configMap }: { tenant: string; configMap: ConfigMapView }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const { namespace, name } = configMap.metadata
  // The form is of the ConfigMap as it was when the form opened: a change by somebody else meanwhile is refused by its resourceVersion.
  const [initial] = useState(() => ({
    entries: [...Object.entries(configMap.data).map(([key, text]) => newEntry({ key, text })), ...Object.entries(configMap.binaryData).map(([key, base64]) => newEntry(entryOfBase64(key, base64)))],
    labels: labelsText(configMap.metadata.labels),
    immutable: configMap.immutable,
    resourceVersion: configMap.metadata.resourceVersion,
  }))
  const form = useForm({
    initial,
    schema: editSchema,
    submit: ({ entries, labels, immutable, resourceVersion }) => {
      const { text, binary } = toValues(entries)
      return api.configMap.update.mutate({ tenant, namespace, name, data: text, binaryData: binary, labels: readLabels(labels), immutable, resourceVersion })
    },
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.configMap.pathKey() })
      router.push(paths.configMap(tenant, namespace, name))
    },
    fieldOf: (path) => (path.startsWith('labels') ? 'labels' : path),
  })
  const { values, set, errors } = form
  return (
    <SideForm title={`Edit ${name}`} description="Files in running pods follow within seconds; variables change when a container starts again." submit="Save ConfigMap" back={paths.configMap(tenant, namespace, name)} form={form}>
      <EntryRows entries={values.entries} error={errors['entries']} onChange={(next) => set('entries', next)} />
      <Field label="Labels" optional hint="A line each: key=value" error={errors['labels']}>
        {(control) => <Textarea {...control} mono rows={2} value={values.labels} spellCheck={false} onChange={(event) => set('labels', event.target.value)} />}
      </Field>
      <Checkbox label="Immutable" hint={immutableHint} checked={values.immutable} onChange={(event) => set('immutable', event.target.checked)} />
    </SideForm>
  )
}
