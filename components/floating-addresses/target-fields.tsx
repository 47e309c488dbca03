'use client'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { useTRPC } from '@/components/client/trpc'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Select } from '@/components/ui/input'
import { Segmented } from '@/components/ui/segmented'
import type { TargetChoice } from './address-draft'

type Props = { tenant: string; values: TargetChoice; errors: Readonly<Record<string, string>>; onWhat: (next: TargetChoice['what']) => void; onPod: (next: string) => void; onBalancer: (next: string) => void; /** Whether "nothing" is a choice. */ nothing: boolean; /** Whom it leads to now: no choice to move to. */ now?: string | undefined; focus?: boolean }

/** Whom an address leads to: a pod or a balancer of those that are there. */
export function TargetFields({ tenant, values, errors, onWhat, onPod, onBalancer, nothing, now, focus }: Props) {
  return (
    <>
      <div className="flex flex-col items-start gap-1">
        <span className="text-xs font-medium text-soft" aria-hidden>Leads to</span>
        <Segmented label="Leads to" value={values.what} onChange={onWhat} options={[{ value: 'pod', label: 'A pod', hint: 'All of its ports, both ways' }, { value: 'balancer', label: 'A balancer', hint: 'The ports of a service or an Ingress' }, ...(nothing ? [{ value: 'none', label: 'Nothing yet', hint: 'It is kept for later' } as const] : [])]} />
      </div>
      {values.what === 'pod' && <PodField tenant={tenant} value={values.pod} error={errors['pod']} onChange={onPod} now={now} focus={focus} />}
      {values.what === 'balancer' && <BalancerField tenant={tenant} value={values.balancer} error={errors['balancer']} onChange={onBalancer} now={now} />}
    </>
  )
}

type FieldProps = { tenant: string; value: string; error: string | undefined; onChange: (next: string) => void; now: string | undefined; focus?: boolean | undefined }

/** Pods are many: what is typed is asked of the server. One that is not there yet may be named too. */
function PodField({ tenant, value, error, onChange, now, focus }: FieldProps) {
  const trpc = useTRPC()
  const search = useDeferredValue(value).split('/').at(-1)?.trim() ?? ''
  const pods = useQuery({ ...trpc.pod.list.queryOptions({ tenant, limit: 50, ...(search && { search }) }) })
  return (
    <Field label="Pod" hint={pods.data?.total === 0 && !search ? 'There is no pod yet: it may be named before it is there.' : 'As namespace/name; it may be named before it is there'} error={error}>
      {(control) => <Combobox {...control} {...(focus && { autoFocus: true, 'data-autofocus': true })} mono value={value} onChange={onChange} options={(pods.data?.items ?? []).map((pod) => ({ value: `${pod.metadata.namespace}/${pod.metadata.name}`, detail: pod.status.phase })).filter((each) => `Pod/${each.value}` !== now)} />}
    </Field>
  )
}

function BalancerField({ tenant, value, error, onChange, now }: FieldProps) {
  const trpc = useTRPC()
  const balancers = useQuery(trpc.loadBalancer.list.queryOptions({ tenant, limit: 500 }))
  const there = balancers.data?.items.map(({ metadata: { namespace, name }, source }) => ({ value: `${source}/${namespace}/${name}`, label: `${name} (${source} in ${namespace})` })).filter((each) => each.value !== now)
  const options = [...(value && there?.every((each) => each.value !== value) ? [{ value, label: value }] : []), ...(there ?? [])]
  return (
    <Field label="Balancer" hint={there?.length === 0 ? 'There is none yet: a service of type LoadBalancer has one, and an Ingress.' : 'Its ports alone are reached; another address that it has goes back'} error={error}>
      {(control) => <Select {...control} value={value} onChange={(event) => onChange(event.target.value)}><option value="">{there?.length === 0 ? 'No balancer yet' : 'Choose a balancer'}</option>{options.map((each) => <option key={each.value} value={each.value}>{each.label}</option>)}</Select>}
    </Field>
  )
}
