'use client'
import { Plus, Trash2 } from 'lucide-react'
import { Button, IconButton } from '@/components/ui/button'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { More } from '@/components/ui/more'
import { newRoute, type NetworkDraft, type RouteRow } from './network-draft'
import { SubnetFields } from './subnet-fields'

type FieldsProps = {
  values: NetworkDraft
  errors: Readonly<Record<string, string>>
  set: <K extends keyof NetworkDraft>(name: K, value: NetworkDraft[K]) => void
  /** Of a network that is there, everything is shown at once. */
  whole: boolean
}

const input = { mono: true, autoComplete: 'off', spellCheck: false } as const
/** Errors of these stand in sight; any other opens what is behind "More". */
const inSight = new Set(['name', 'subnets.0.cidr', 'outbound'])

/** What a network's form asks beside its name: the subnet and the outbound switch, and the rest behind one line. */
export function NetworkFields({ values, errors, set, whole }: FieldsProps) {
  const [first, ...others] = values.subnets
  const text = (name: 'domain' | 'nameservers' | 'serviceCIDRs' | 'mtu') => ({ value: values[name], onChange: (event: { target: { value: string } }) => set(name, event.target.value) })
  return (
    <>
      {first && (
        <Field label="Subnet" hint={`IPv4, prefix length 8 to 29, or IPv6, 48 to 120${others.length > 0 ? `; ${others.length} more below` : ''}`} error={errors['subnets.0.cidr']}>
          {(control) => <Input {...control} {...input} value={first.cidr} onChange={(event) => set('subnets', [{ ...first, cidr: event.target.value }, ...others])} />}
        </Field>
      )}
      <Checkbox label="Outbound connections" hint="Pods reach the outside through the host’s address (NAT). It can be changed later." checked={values.outbound} onChange={(event) => set('outbound', event.target.checked)} />
      <More wrong={Object.keys(errors).some((path) => !inSight.has(path))} initiallyOpen={whole}>
        <SubnetFields subnets={values.subnets} errors={errors} onChange={(next) => set('subnets', next)} />
        <Field label="Service addresses" optional hint="At most one subnet a family, such as 10.100.0.0/16; chosen so that nothing overlaps where it is left out" error={errors['serviceCIDRs']}>
          {(control) => <Input {...control} {...input} {...text('serviceCIDRs')} />}
        </Field>
        <Field label="DNS domain" optional hint="Services are <service>.<namespace>.svc.<domain>; cluster.local where it is left out" error={errors['domain']}>
          {(control) => <Input {...control} {...input} {...text('domain')} />}
        </Field>
        <Checkbox label="Other names too" hint="The network’s resolver asks others for the names that are not its own." checked={values.upstream} onChange={(event) => set('upstream', event.target.checked)} />
        {values.upstream && (
          <Field label="Nameservers" optional hint="Addresses, at most 3; the host’s own where none are named" error={errors['nameservers']}>
            {(control) => <Input {...control} {...input} {...text('nameservers')} />}
          </Field>
        )}
        <RouteFields routes={values.routes} errors={errors} onChange={(next) => set('routes', next)} />
        <Field label="MTU" optional hint="Bytes of the largest packet, 1280 to 1450; 1450 where it is left out" error={errors['mtu']}>
          {(control) => <Input {...control} {...input} inputMode="numeric" {...text('mtu')} />}
        </Field>
      </More>
    </>
  )
}

function RouteFields({ routes, errors, onChange }: { routes: readonly RouteRow[]; errors: Readonly<Record<string, string>>; onChange: (next: RouteRow[]) => void }) {
  const change = (row: RouteRow, patch: Partial<RouteRow>) => onChange(routes.map((each) => (each.id === row.id ? { ...each, ...patch } : each)))
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="mb-1 text-xs font-medium text-soft">Routes <span className="font-normal text-faint">optional</span></legend>
      {routes.length === 0 && <p className="text-xs text-faint">What lies behind a pod, such as a VPN: its subnet, and the pod’s address.</p>}
      {routes.map((row, i) => (
        <div key={row.id} className="flex items-start gap-2">
          <div className="min-w-0 flex-1"><Field label="Destination" error={errors[`routes.${i}.destination`]}>{(control) => <Input {...control} {...input} value={row.destination} onChange={(event) => change(row, { destination: event.target.value })} />}</Field></div>
          <div className="min-w-0 flex-1"><Field label="Via pod" error={errors[`routes.${i}.via`]}>{(control) => <Input {...control} {...input} value={row.via} onChange={(event) => change(row, { via: event.target.value })} />}</Field></div>
          <IconButton label={`Remove route ${i + 1}`} icon={<Trash2 className="size-4" />} onClick={() => onChange(routes.filter((each) => each.id !== row.id))} className="mt-5 size-8" />
        </div>
      ))}
      {errors['routes'] && <p role="alert" className="text-xs text-error-content">{errors['routes']}</p>}
      <div><Button size="sm" icon={<Plus className="size-3.5" />} onClick={() => onChange([...routes, newRoute()])}>Add route</Button></div>
    </fieldset>
  )
}
