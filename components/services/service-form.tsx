'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { serviceSpec } from '@/domain/service/spec'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { writeToUnchanged, writtenOf } from '@/components/client/write-to-unchanged'
import { readLabels } from '@/components/config-maps/labels-text'
import { SideForm } from '@/components/patterns/side-form'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Input, Select, Textarea } from '@/components/ui/input'
import { More } from '@/components/ui/more'
import { TextLink } from '@/components/ui/text-link'
import { PortRows } from './port-rows'
import { SelectorPreview } from './selector-preview'
import { newServiceDraft, serviceDraftOf, serviceDraftSchema, serviceFieldOf, serviceSpecOf, type ServiceDraft } from './service-draft'
import { useService } from './service-frame'

/** A new service beside the list. */
export function ServiceForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const namespace = useQueryString().get('namespace') || 'default'
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const [initial] = useState(() => newServiceDraft(namespace))
  const form = useForm({
    initial,
    schema: serviceDraftSchema(),
    submit: (draft, requestId) => api.service.create.mutate({ tenant, namespace: draft.namespace, name: draft.name, labels: readLabels(draft.labels), spec: serviceSpec.parse(serviceSpecOf(draft)), requestId }),
    fieldOf: serviceFieldOf,
    onDone: ({ metadata }) => {
      void queries.invalidateQueries({ queryKey: trpc.service.list.queryKey() })
      router.push(paths.service(tenant, metadata.namespace, metadata.name))
    },
  })
  const { values, set, errors } = form
  const names = [...new Set([values.namespace, ...(namespaces.data?.items ?? []).map((each) => each.metadata.name)])]
  return (
    <SideForm title="Create service" description={<TextLink href={paths.applyYaml(tenant, { kind: 'Service' })}>Write it as YAML</TextLink>} submit="Create service" back={paths.services(tenant)} form={form}>
      <Field label="Name" hint="Its name in the network’s DNS: lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <Field label="Namespace" hint="Pods of this namespace alone can be behind it; it decides the network" error={errors['namespace']}>
        {(control) => <Select {...control} value={values.namespace} onChange={(event) => set('namespace', event.target.value)}>{names.map((each) => <option key={each}>{each}</option>)}</Select>}
      </Field>
      <ServiceFields tenant={tenant} values={values} errors={errors} set={set} fixed={false} />
    </SideForm>
  )
}

/** Changes a service beside its page. */
export function EditService() {
  const { tenant, service } = useService()
  const { metadata, spec } = service
  const { namespace, name } = metadata
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  // The form is of the service as it was when the form opened: a change by somebody else meanwhile is refused.
  const [opened] = useState(() => writtenOf(service))
  const before = opened.spec
  const [initial] = useState(() => serviceDraftOf(metadata, spec))
  const form = useForm({
    initial,
    schema: serviceDraftSchema(before),
    submit: (draft) => writeToUnchanged(opened, {
      read: async () => writtenOf(await api.service.get.query({ tenant, namespace, name })),
      write: (resourceVersion) => api.service.update.mutate({ tenant, namespace, name, labels: readLabels(draft.labels), spec: serviceSpec.parse(serviceSpecOf(draft, before)), resourceVersion }),
    }),
    fieldOf: serviceFieldOf,
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.service.pathKey() })
      router.push(paths.service(tenant, namespace, name))
    },
  })
  return (
    <SideForm title={`Edit ${name}`} description="A change is in every host’s kernel at once; open connections to pods that stay go on." submit="Save service" back={paths.service(tenant, namespace, name)} form={form}>
      <ServiceFields tenant={tenant} values={form.values} errors={form.errors} set={form.set} fixed />
    </SideForm>
  )
}

type FieldsProps = { tenant: string; values: ServiceDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof ServiceDraft>(name: K, value: ServiceDraft[K]) => void; /** Whether it has an address cannot change any more. */ fixed: boolean }
const behindMore = new Set(['headless', 'affinity', 'affinitySeconds', 'local', 'publishNotReady', 'labels'])

function ServiceFields({ tenant, values, errors, set, fixed }: FieldsProps) {
  return (
    <>
      <div className="flex flex-col gap-1">
        <Field label="Selector" hint="A line each: key=value. Pods with all of these labels are behind it." error={errors['selector']}>
          {(control) => <Textarea {...control} {...(fixed && { 'data-autofocus': true })} mono rows={2} value={values.selector} spellCheck={false} onChange={(event) => set('selector', event.target.value)} />}
        </Field>
        <SelectorPreview tenant={tenant} namespace={values.namespace} selector={values.selector} />
      </div>
      <PortRows ports={values.ports} errors={errors} onChange={(next) => set('ports', next)} />
      <More wrong={Object.keys(errors).some((path) => behindMore.has(path))}>
        {fixed
          ? <p className="text-sm text-soft">{values.headless ? 'Headless' : 'It has an address'}<span className="block text-xs text-faint">Whether a service has an address stays as it was created.</span></p>
          : <Checkbox label="Headless" hint="No address of its own: its name gives the pods’ addresses." checked={values.headless} onChange={(event) => set('headless', event.target.checked)} />}
        {errors['headless'] && <p role="alert" className="text-xs text-error-content">{errors['headless']}</p>}
        <Checkbox label="Same pod for a client" hint="Connections of one address go to the pod that had its last one." checked={values.affinity} onChange={(event) => set('affinity', event.target.checked)} />
        {values.affinity && (
          <Field label="For how long" optional hint="Seconds after the last connection; 10800 where it is left out" error={errors['affinitySeconds']}>
            {(control) => <Input {...control} mono inputMode="numeric" value={values.affinitySeconds} autoComplete="off" onChange={(event) => set('affinitySeconds', event.target.value)} />}
          </Field>
        )}
        <Checkbox label="Pods on the client’s host alone" hint="Nothing is sent to another host; with no pod there, nothing answers." checked={values.local} onChange={(event) => set('local', event.target.checked)} />
        <Checkbox label="Pods that are not ready too" hint="For pods that find each other while they start." checked={values.publishNotReady} onChange={(event) => set('publishNotReady', event.target.checked)} />
        <Field label="Labels" optional hint="A line each: key=value" error={errors['labels']}>
          {(control) => <Textarea {...control} mono rows={2} value={values.labels} spellCheck={false} onChange={(event) => set('labels', event.target.value)} />}
        </Field>
      </More>
    </>
  )
}
