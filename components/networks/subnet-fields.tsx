'use client'
import { Plus, Trash2 } from 'lucide-react'
import { Button, IconButton } from '@/components/ui/button'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { newRange, newSubnet, type RangeRow, type SubnetRow } from './network-draft'

type Errors = Readonly<Record<string, string>>
const input = { mono: true, autoComplete: 'off', spellCheck: false } as const

/** A network's subnets. The CIDR of the first stands before them, in the form itself. */
export function SubnetFields({ subnets, errors, onChange }: { subnets: readonly SubnetRow[]; errors: Errors; onChange: (next: SubnetRow[]) => void }) {
  const change = (row: SubnetRow, patch: Partial<SubnetRow>) => onChange(subnets.map((each) => (each.id === row.id ? { ...each, ...patch } : each)))
  const add = () => onChange([...subnets, newSubnet({ name: freeName(subnets) })])
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="mb-1 text-xs font-medium text-soft">Subnets</legend>
      {subnets.map((row, i) => <Row key={row.id} row={row} at={i} errors={errors} onChange={(patch) => change(row, patch)} onRemove={subnets.length > 1 ? () => onChange(subnets.filter((each) => each.id !== row.id)) : undefined} />)}
      {errors['subnets'] && <p role="alert" className="text-xs text-error-content">{errors['subnets']}</p>}
      <div><Button size="sm" icon={<Plus className="size-3.5" />} onClick={add}>Add subnet</Button></div>
    </fieldset>
  )
}

const freeName = (subnets: readonly SubnetRow[]) => Array.from({ length: subnets.length + 1 }, (_, i) => `subnet${i + 1}`).find((name) => !subnets.some((each) => each.name === name)) ?? ''

function Row({ row, at, errors, onChange, onRemove }: { row: SubnetRow; at: number; errors: Errors; onChange: (patch: Partial<SubnetRow>) => void; onRemove: (() => void) | undefined }) {
  const error = (field: string) => errors[`subnets.${at}.${field}`]
  const first = at === 0
  return (
    <div role="group" aria-label={`Subnet ${at + 1}`} className="flex min-w-0 flex-col gap-2 rounded-md border border-stroke bg-raise p-3">
      <div className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <Field label="Name" error={error('name')}>{(control) => <Input {...control} {...input} value={row.name} onChange={(event) => onChange({ name: event.target.value })} />}</Field>
        </div>
        {onRemove && <IconButton label={`Remove subnet ${row.name || at + 1}`} icon={<Trash2 className="size-4" />} onClick={onRemove} className="mt-5 size-8" />}
      </div>
      {!first && <Field label="CIDR" hint="IPv4 or IPv6" error={error('cidr')}>{(control) => <Input {...control} {...input} value={row.cidr} onChange={(event) => onChange({ cidr: event.target.value })} />}</Field>}
      <Field label="Gateway" optional hint="The first address of the subnet without one" error={error('gateway')}>{(control) => <Input {...control} {...input} value={row.gateway} onChange={(event) => onChange({ gateway: event.target.value })} />}</Field>
      {row.ranges.length > 0 && <p className="text-xs text-faint">Pods get addresses of these ranges alone; a pod may ask for any other of the subnet.</p>}
      {row.ranges.map((range, i) => <Range key={range.id} range={range} number={i + 1} error={(field) => error(`ranges.${i}.${field}`)} whole={error(`ranges.${i}`)} onChange={(patch) => onChange({ ranges: row.ranges.map((each) => (each.id === range.id ? { ...each, ...patch } : each)) })} onRemove={() => onChange({ ranges: row.ranges.filter((each) => each.id !== range.id) })} />)}
      <div><Button size="sm" variant="ghost" icon={<Plus className="size-3.5" />} onClick={() => onChange({ ranges: [...row.ranges, newRange()] })} className="-ml-2">Add range for pods</Button></div>
    </div>
  )
}

function Range({ range, number, error, whole, onChange, onRemove }: { range: RangeRow; number: number; error: (field: string) => string | undefined; whole: string | undefined; onChange: (patch: Partial<RangeRow>) => void; onRemove: () => void }) {
  return (
    <div className="flex items-start gap-2">
      {(['start', 'end'] as const).map((field) => (
        <div key={field} className="min-w-0 flex-1">
          <Field label={field === 'start' ? 'First' : 'Last'} error={error(field) ?? (field === 'start' ? whole : undefined)}>{(control) => <Input {...control} {...input} value={range[field]} onChange={(event) => onChange({ [field]: event.target.value })} />}</Field>
        </div>
      ))}
      <IconButton label={`Remove range ${number}`} icon={<Trash2 className="size-4" />} onClick={onRemove} className="mt-5 size-8" />
    </div>
  )
}
