'use client'
import { useQuery } from '@tanstack/react-query'
import { Plus, Trash2 } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { ingressSpec } from '@/domain/ingress/spec'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { useBalancer } from '@/components/load-balancers/balancer-frame'
import { useWriteSource, type Source } from '@/components/load-balancers/use-source'
import { SideForm } from '@/components/patterns/side-form'
import { Button, IconButton } from '@/components/ui/button'
import { Checkbox } from '@/components/ui/checkbox'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { ingressDraftOf, ingressDraftSchema, ingressFieldOf, ingressSpecOf, newRule, type RuleDraft } from './ingress-draft'

const input = { mono: true, autoComplete: 'off', spellCheck: false } as const
type Option = { value: string; detail?: string }
type Services = { names: Option[]; portsOf: (service: string) => Option[] }

/** An Ingress’ rules: a service for each host and path. */
export function IngressRulesForm({ source: given }: { source: Extract<Source, { kind: 'Ingress' }> }) {
  const { at, balancer: { metadata } } = useBalancer()
  const { write, forget } = useWriteSource()
  const router = useRouter()
  const back = paths.loadBalancerRules(...at)
  const services = useServices()
  // The form is of the Ingress as it was when the form opened.
  const [source] = useState(given)
  const { annotations, spec: before } = source
  const [initial] = useState(() => ingressDraftOf(before))
  const { defaultBackend: _, rules: __, ...kept } = before
  const form = useForm({
    initial,
    schema: ingressDraftSchema(kept),
    submit: (draft) => write({ before: source, annotations, spec: ingressSpec.parse(ingressSpecOf(draft, kept)) }),
    fieldOf: ingressFieldOf,
    onDone: () => { void forget(); router.push(back) },
  })
  const { values, set, errors } = form
  const change = (row: RuleDraft, patch: Partial<RuleDraft>) => set('rules', values.rules.map((each) => (each.id === row.id ? { ...each, ...patch } : each)))
  return (
    <SideForm title={`Edit rules of ${metadata.name}`} description="Taken over without a cut: open connections go on." submit="Save rules" back={back} form={form}>
      <fieldset className="flex min-w-0 flex-col gap-3">
        <legend className="mb-1 text-xs font-medium text-soft">Rules</legend>
        {values.rules.map((row, i) => (
          <RuleRow key={row.id} row={row} at={i} services={services} error={(field) => errors[`rules.${i}.${field}`]} onChange={(patch) => change(row, patch)} onRemove={() => set('rules', values.rules.filter((each) => each.id !== row.id))} />
        ))}
        {errors['rules'] && <p role="alert" className="text-xs text-error-content">{errors['rules']}</p>}
        <div><Button size="sm" icon={<Plus className="size-3.5" />} onClick={() => set('rules', [...values.rules, newRule({ host: values.rules.at(-1)?.host ?? '', service: values.rules.at(-1)?.service ?? '', port: values.rules.at(-1)?.port ?? '' })])}>Add rule</Button></div>
      </fieldset>
      <fieldset className="flex min-w-0 flex-col gap-2 border-t border-stroke pt-3">
        <legend className="sr-only">What fits no rule</legend>
        <p className="text-xs font-medium text-soft">What fits no rule goes to <span className="font-normal text-faint">optional: 404 without it</span></p>
        <ServiceAndPort services={services} service={values.other.service} port={values.other.port} errors={[errors['other.service'], errors['other.port']]} onChange={(patch) => set('other', { ...values.other, ...patch })} />
      </fieldset>
    </SideForm>
  )
}

/** The services of its namespace, and the ports of each. */
function useServices(): Services {
  const { tenant, balancer: { metadata: { namespace } } } = useBalancer()
  const trpc = useTRPC()
  const { data } = useQuery(trpc.service.list.queryOptions({ tenant, namespace, limit: 500 }))
  const items = data?.items.filter(({ spec }) => spec.type !== 'ExternalName') ?? []
  return {
    names: items.map(({ metadata: { name }, spec }) => ({ value: name, detail: spec.ports.map(({ port }) => port).join(', ') })),
    portsOf: (service) => (items.find(({ metadata }) => metadata.name === service)?.spec.ports ?? []).map(({ port, name }) => ({ value: String(port), ...(name !== undefined && { detail: name }) })),
  }
}

type RowProps = { row: RuleDraft; at: number; services: Services; error: (field: string) => string | undefined; onChange: (patch: Partial<RuleDraft>) => void; onRemove: () => void }

function RuleRow({ row, at, services, error, onChange, onRemove }: RowProps) {
  return (
    <div role="group" aria-label={`Rule ${at + 1}`} className="flex flex-col gap-2 rounded-md border border-stroke p-3">
      <div className="grid grid-cols-[minmax(0,1.2fr)_minmax(0,1fr)_32px] items-start gap-2">
        <Field label="Host" error={error('host')}>{(control) => <Input {...control} {...input} data-autofocus={at === 0 || undefined} placeholder="every host" value={row.host} onChange={(event) => onChange({ host: event.target.value })} />}</Field>
        <Field label="Path" error={error('path')}>{(control) => <Input {...control} {...input} value={row.path} onChange={(event) => onChange({ path: event.target.value })} />}</Field>
        <IconButton label={`Remove rule ${at + 1}`} icon={<Trash2 className="size-4" />} onClick={onRemove} className="mt-5 size-8" />
      </div>
      <ServiceAndPort services={services} service={row.service} port={row.port} errors={[error('service'), error('port')]} onChange={onChange} />
      <Checkbox label="This path alone, and nothing below it" checked={row.exact} onChange={(event) => onChange({ exact: event.target.checked })} className="text-xs" />
    </div>
  )
}

function ServiceAndPort({ services, service, port, errors, onChange }: { services: Services; service: string; port: string; errors: readonly [string | undefined, string | undefined]; onChange: (patch: { service?: string; port?: string }) => void }) {
  const ports = services.portsOf(service)
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_96px] items-start gap-2">
      <Field label="Service" error={errors[0]}>{(control) => <Combobox {...control} mono value={service} options={services.names} onChange={(next) => { const only = services.portsOf(next); onChange({ service: next, ...(only.length === 1 && only[0] && { port: only[0].value }) }) }} />}</Field>
      <Field label="Port" error={errors[1]}>{(control) => <Combobox {...control} mono value={port} options={ports} onChange={(next) => onChange({ port: next })} />}</Field>
    </div>
  )
}
