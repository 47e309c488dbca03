'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { z } from 'zod'
import type { SecretView } from '@/domain/config-map/view'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { entriesSchema } from '@/components/config-maps/config-map-form'
import { newEntry, toValues, type Entry } from '@/components/config-maps/entries'
import { EntryRows } from '@/components/config-maps/entry-rows'
import { labelsText, readLabels } from '@/components/config-maps/labels-text'
import { ObjectFields } from '@/components/config-maps/object-fields'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Select, Textarea } from '@/components/ui/input'
import { loginValue, noLogin, RegistryFields, type RegistryLogin } from './registry-fields'
import { secretTypeName, secretTypeNames, startingKeys } from './secret-types'

const dockerType = 'kubernetes.io/dockerconfigjson'
const immutableHint = 'Nobody can change its values any more. It can still be deleted.'
const login = z.object({ registry: z.string(), username: z.string(), password: z.string() })
const fields = { type: z.string(), entries: entriesSchema, login, immutable: z.boolean() }
const createSchema = z.object({ name: z.string(), namespace: z.string(), ...fields }).superRefine(checkLogin)
const editSchema = z.object({ ...fields, labels: z.string(), resourceVersion: z.string() }).superRefine(checkLogin)

function checkLogin({ type, login }: { type: string; login: RegistryLogin }, context: z.RefinementCtx) {
  if (type !== dockerType) return
  for (const field of ['registry', 'username', 'password'] as const) if (login[field].trim() === '') context.addIssue({ code: 'custom', path: ['login', field], message: 'Is required' })
}

const entriesOf = (type: string): Entry[] => (startingKeys[type] ?? ['']).map((key) => newEntry({ key }))
const isUntouched = (entries: readonly Entry[]) => entries.every((entry) => entry.text === '' && entry.binary === null)

/** A new Secret beside the list. A registry login has fields of its own. */
export function SecretForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const asked = useQueryString().get('type')
  const [initial] = useState(() => {
    const type = Object.hasOwn(secretTypeNames, asked) ? asked : 'Opaque'
    return { name: '', namespace: 'default', type, entries: entriesOf(type), login: noLogin, immutable: false }
  })
  const form = useForm({
    initial,
    schema: createSchema,
    submit: ({ name, namespace, type, entries, login, immutable }, requestId) => {
      const { text, binary } = toValues(entries)
      return api.secret.create.mutate({ tenant, namespace, name, type, immutable, requestId, ...(type === dockerType ? { stringData: loginValue(login) } : { stringData: text, data: binary }) })
    },
    onDone: ({ metadata }) => {
      void queries.invalidateQueries({ queryKey: trpc.secret.list.queryKey() })
      router.push(paths.secret(tenant, metadata.namespace, metadata.name))
    },
  })
  const { values, set, errors } = form
  const choose = (type: string) => {
    set('type', type)
    if (isUntouched(values.entries)) set('entries', entriesOf(type))
  }
  return (
    <SideForm title="Create Secret" submit="Create Secret" back={paths.secrets(tenant)} form={form}>
      <ObjectFields tenant={tenant} name={values.name} namespace={values.namespace} errors={errors} onName={(next) => set('name', next)} onNamespace={(next) => set('namespace', next)} />
      <Field label="Type" hint={values.type}>
        {(control) => <Select {...control} value={values.type} onChange={(event) => choose(event.target.value)}>{Object.entries(secretTypeNames).map(([type, label]) => <option key={type} value={type}>{label}</option>)}</Select>}
      </Field>
      {values.type === dockerType
        ? <RegistryFields login={values.login} errors={errors} onChange={(next) => set('login', next)} />
        : <EntryRows entries={values.entries} error={errors['entries']} onChange={(next) => set('entries', next)} />}
      <Checkbox label="Immutable" hint={immutableHint} checked={values.immutable} onChange={(event) => set('immutable', event.target.checked)} />
    </SideForm>
  )
}

/** Changes a Secret beside its page. Values that are not written anew stay, unseen. */
export function EditSecret({ tenant, namespace, name }: { tenant: string; namespace: string; name: string }) {
  const trpc = useTRPC()
  const { data } = useQuery(trpc.secret.get.queryOptions({ tenant, namespace, name }))
  return data ? <EditForm tenant={tenant} secret={data} /> : null
}

function EditForm({ tenant, secret }: { tenant: string; secret: SecretView }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const { namespace, name } = secret.metadata
  // The form is of the Secret as it was when the form opened: a change by somebody else meanwhile is refused by its resourceVersion.
  const [initial] = useState(() => ({
    type: secret.type,
    entries: secret.sizes.map(({ key, bytes }) => newEntry({ key, kept: bytes })),
    login: noLogin,
    immutable: secret.immutable,
    labels: labelsText(secret.metadata.labels),
    resourceVersion: secret.metadata.resourceVersion,
  }))
  const form = useForm({
    initial,
    schema: editSchema,
    submit: ({ type, entries, login, labels, immutable, resourceVersion }) => {
      const { text, binary, keep } = toValues(entries)
      return api.secret.update.mutate({ tenant, namespace, name, labels: readLabels(labels), immutable, resourceVersion, ...(type === dockerType ? { stringData: loginValue(login) } : { stringData: text, data: binary, keep }) })
    },
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.secret.pathKey() })
      router.push(paths.secret(tenant, namespace, name))
    },
    fieldOf: (path) => (path.startsWith('labels') ? 'labels' : path),
  })
  const { values, set, errors } = form
  return (
    <SideForm title={`Edit ${name}`} description={secretTypeName(secret.type)} submit="Save Secret" back={paths.secret(tenant, namespace, name)} form={form}>
      {secret.type === dockerType
        ? (
          <>
            <Callout tone="info" title="The login is replaced as a whole">What is stored is not shown: enter registry, user and password anew.</Callout>
            <RegistryFields login={values.login} errors={errors} onChange={(next) => set('login', next)} />
          </>
        )
        : <EntryRows entries={values.entries} error={errors['entries']} onChange={(next) => set('entries', next)} />}
      <Field label="Labels" optional hint="A line each: key=value" error={errors['labels']}>
        {(control) => <Textarea {...control} mono rows={2} value={values.labels} spellCheck={false} onChange={(event) => set('labels', event.target.value)} />}
      </Field>
      <Checkbox label="Immutable" hint={immutableHint} checked={values.immutable} onChange={(event) => set('immutable', event.target.checked)} />
    </SideForm>
  )
}
