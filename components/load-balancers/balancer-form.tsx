'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { lazy, Suspense, useState } from 'react'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input, Select, Textarea } from '@/components/ui/input'
import { More } from '@/components/ui/more'
import { Skeleton } from '@/components/ui/skeleton'
import { TextLink } from '@/components/ui/text-link'
import { balancerDraftSchema, balancerFieldOf, balancerObjectOf, balancerProtocols, becomesIngress, newBalancerDraft, outsideOf, parseBalancerIngress, parseBalancerService, type BalancerDraft } from './balancer-draft'
import { labelTargets, portsOfTarget, serviceTargets } from './targets'

// What writes YAML is loaded beside the form.
const YamlPreview = lazy(() => import('./yaml-preview').then((module) => ({ default: module.BalancerYamlPreview })))
const behindMore = ['namespace', 'protocol', 'certificate', 'floatingAddress', 'outside', 'hosts', 'paths']
const protocolNames = { http: 'HTTP', https: 'HTTPS', tcp: 'TCP', udp: 'UDP' } as const
const input = { mono: true, autoComplete: 'off', spellCheck: false } as const

/** A new balancer beside the list: a name, what it leads to, a port. */
export function BalancerForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const query = useQueryString()
  const [initial] = useState(() => newBalancerDraft(query.get('namespace') || 'default', query.get('service')))
  const [namespace, setNamespace] = useState(initial.namespace)
  const services = useQuery(trpc.service.list.queryOptions({ tenant, namespace, limit: 500 }))
  const known = (services.data?.items ?? []).map(({ metadata: { name }, spec }) => ({ name, spec }))
  const form = useForm({
    initial,
    schema: balancerDraftSchema(known),
    submit: async (draft, requestId) => {
      const made = balancerObjectOf(draft, known)
      const input = { tenant, namespace: draft.namespace, name: draft.name, annotations: made.annotations, requestId }
      if (made.kind === 'Service') await api.service.create.mutate({ ...input, spec: parseBalancerService(made.spec) })
      else await api.ingress.create.mutate({ ...input, spec: parseBalancerIngress(made.spec) })
      return made.kind
    },
    fieldOf: balancerFieldOf,
    onDone: (source) => {
      for (const queryKey of [trpc.loadBalancer.pathKey(), trpc.service.pathKey(), trpc.ingress.pathKey()]) void queries.invalidateQueries({ queryKey })
      router.push(paths.loadBalancer(tenant, source, form.values.namespace, form.values.name))
    },
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create balancer" description={<TextLink href={paths.applyYaml(tenant, { kind: 'LoadBalancer' })}>Write it as YAML</TextLink>} submit="Create balancer" back={paths.loadBalancers(tenant)} form={form}>
      <Field label="Name" hint="Lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} {...input} autoFocus data-autofocus value={values.name} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <TargetFields tenant={tenant} values={values} errors={errors} set={set} services={services.data?.items ?? []} loaded={services.data !== undefined} />
      <More wrong={Object.keys(errors).some((path) => behindMore.includes(path))}>
        <NamespaceField tenant={tenant} value={values.namespace} error={errors['namespace']} onChange={(next) => { set('namespace', next); set('target', ''); set('certificate', ''); setNamespace(next) }} />
        <MoreFields tenant={tenant} values={values} errors={errors} set={set} />
      </More>
      <More label="As YAML" wrong={false}><Suspense fallback={<Skeleton className="h-40 w-full" />}><YamlPreview draft={values} services={known} /></Suspense></More>
    </SideForm>
  )
}

type Services = Parameters<typeof serviceTargets>[0]
type FieldsProps = { tenant: string; values: BalancerDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof BalancerDraft>(name: K, value: BalancerDraft[K]) => void }

function TargetFields({ tenant, values, errors, set, services, loaded }: FieldsProps & { services: Services; loaded: boolean }) {
  const trpc = useTRPC()
  const pods = useQuery(trpc.pod.list.queryOptions({ tenant, namespace: values.namespace, limit: 500 }))
  const [ofServices, ofLabels] = [serviceTargets(services), labelTargets(pods.data?.items ?? [])]
  const ports = portsOfTarget(values.target, services, pods.data?.items ?? [])
  const listed = [...ofServices, ...ofLabels].some(({ value }) => value === values.target)
  const choose = (target: string) => {
    set('target', target)
    const [first] = portsOfTarget(target, services, pods.data?.items ?? [])
    if (first) set('port', first.value)
  }
  return (
    <>
      <Field label="Leads to" hint={loaded && pods.data && ofServices.length + ofLabels.length === 0 ? `Namespace ${values.namespace} has no service, and no pod with a label: create one first` : 'A service, or pods by a label that they have'} error={errors['target']}>
        {(control) => (
          <Select {...control} value={values.target} onChange={(event) => choose(event.target.value)}>
            <option value="">Choose a service or pods</option>
            {values.target !== '' && !listed && <option value={values.target}>{values.target.replace(/^\w+\//, '')}</option>}
            {ofServices.length > 0 && <optgroup label="Services">{ofServices.map(({ value, text }) => <option key={value} value={value}>{text}</option>)}</optgroup>}
            {ofLabels.length > 0 && <optgroup label="Pods by label">{ofLabels.map(({ value, text }) => <option key={value} value={value}>{text}</option>)}</optgroup>}
          </Select>
        )}
      </Field>
      <Field label="Port" hint={values.target.startsWith('service/') ? 'The service’s port' : 'On which the pods listen: a number, or a port’s name in their containers'} error={errors['port']}>
        {(control) => <Combobox {...control} mono value={values.port} options={ports} onChange={(next) => set('port', next)} />}
      </Field>
    </>
  )
}

function NamespaceField({ tenant, value, error, onChange }: { tenant: string; value: string; error: string | undefined; onChange: (next: string) => void }) {
  const trpc = useTRPC()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const names = [...new Set([value, ...(namespaces.data?.items ?? []).map(({ metadata }) => metadata.name)])]
  return (
    <Field label="Namespace" hint="Services, pods and certificates of this namespace alone" error={error}>
      {(control) => <Select {...control} value={value} onChange={(event) => onChange(event.target.value)}>{names.map((each) => <option key={each}>{each}</option>)}</Select>}
    </Field>
  )
}

function MoreFields({ tenant, values, errors, set }: FieldsProps) {
  const trpc = useTRPC()
  const web = values.protocol === 'http' || values.protocol === 'https'
  const ingress = becomesIngress(values)
  const secrets = useQuery({ ...trpc.secret.list.queryOptions({ tenant, namespace: values.namespace, type: 'kubernetes.io/tls', limit: 500 }), enabled: values.protocol === 'https' })
  const addresses = useQuery(trpc.floatingAddress.list.queryOptions({ tenant, limit: 500 }))
  const free = addresses.data?.items.filter(({ status }) => !status.managed) ?? []
  return (
    <>
      <Field label="Speaks with clients" hint={web ? 'It reads requests: rules by host and path, a log and figures of each answer' : 'It hands on what comes, whatever is in it'} error={errors['protocol']}>
        {(control) => <Select {...control} value={values.protocol} onChange={(event) => { const next = balancerProtocols.find((each) => each === event.target.value); if (next) set('protocol', next) }}>{balancerProtocols.map((each) => <option key={each} value={each}>{protocolNames[each]}</option>)}</Select>}
      </Field>
      {values.protocol === 'https' && (
        <Field label="Certificate" error={errors['certificate']} hint={secrets.data?.items.length === 0 ? <>Namespace {values.namespace} has none: <TextLink href={paths.newSecret(tenant, { type: 'kubernetes.io/tls' })}>create a Secret of type TLS certificate</TextLink></> : 'A Secret of type kubernetes.io/tls'}>
          {(control) => <Select {...control} value={values.certificate} onChange={(event) => set('certificate', event.target.value)}><option value="">Choose a certificate</option>{secrets.data?.items.map(({ metadata: { uid, name } }) => <option key={uid}>{name}</option>)}</Select>}
        </Field>
      )}
      {ingress
        ? <p className="text-sm text-soft">Clients connect to port {values.protocol === 'https' ? '443, and 80 leads there' : '80'}<span className="block text-xs text-faint">A balancer before a service over {protocolNames[values.protocol]} becomes an Ingress, whose ports these are.</span></p>
        : <Field label="Port for clients" optional error={errors['outside']}>{(control) => <Input {...control} {...input} inputMode="numeric" placeholder={outsideOf({ ...values, outside: '' })} value={values.outside} onChange={(event) => set('outside', event.target.value)} />}</Field>}
      <Field label="Floating address" optional hint="One that you hold stays yours when the balancer goes; else one is taken from the default pool" error={errors['floatingAddress']}>
        {(control) => (
          <Select {...control} value={values.floatingAddress} onChange={(event) => set('floatingAddress', event.target.value)}>
            <option value="">A new one of the default pool</option>
            {free.map(({ metadata: { uid, name }, status }) => <option key={uid} value={name}>{`${name} (${status.address}${status.holder ? `, leads to ${status.holder.name}` : ''})`}</option>)}
          </Select>
        )}
      </Field>
      {web && (
        <>
          <Field label="Hosts" optional hint="A line each: www.example.com or *.example.com; others get 404" error={errors['hosts']}>
            {(control) => <Textarea {...control} mono rows={2} value={values.hosts} spellCheck={false} onChange={(event) => set('hosts', event.target.value)} />}
          </Field>
          <Field label="Paths" optional hint="A line each, with what lies below: /api; others get 404" error={errors['paths']}>
            {(control) => <Textarea {...control} mono rows={2} value={values.paths} spellCheck={false} onChange={(event) => set('paths', event.target.value)} />}
          </Field>
        </>
      )}
    </>
  )
}
