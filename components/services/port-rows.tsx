'use client'
import { Plus, Trash2 } from 'lucide-react'
import { Button, IconButton } from '@/components/ui/button'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { newPort, type PortRow } from './service-draft'

const input = { mono: true, autoComplete: 'off', spellCheck: false } as const

/** The ports of a service, a row each; names are asked where there are several. */
export function PortRows({ ports, errors, onChange }: { ports: readonly PortRow[]; errors: Readonly<Record<string, string>>; onChange: (next: PortRow[]) => void }) {
  const change = (row: PortRow, patch: Partial<PortRow>) => onChange(ports.map((each) => (each.id === row.id ? { ...each, ...patch } : each)))
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="mb-1 text-xs font-medium text-soft">Ports</legend>
      {ports.map((row, i) => {
        const error = (field: string) => errors[`ports.${i}.${field}`]
        return (
          <div key={row.id} role="group" aria-label={`Port ${i + 1}`} className="grid grid-cols-[minmax(0,1fr)_minmax(0,1.2fr)_76px_32px] items-start gap-2">
            {ports.length > 1 && <div className="col-span-4"><Field label="Name" error={error('name')}>{(control) => <Input {...control} {...input} value={row.name} onChange={(event) => change(row, { name: event.target.value })} />}</Field></div>}
            <Field label="Port" error={error('port')}>{(control) => <Input {...control} {...input} inputMode="numeric" value={row.port} onChange={(event) => change(row, { port: event.target.value })} />}</Field>
            <Field label="Pods’ port" error={error('targetPort')}>{(control) => <Input {...control} {...input} placeholder={row.port} value={row.targetPort} onChange={(event) => change(row, { targetPort: event.target.value })} />}</Field>
            <Field label="Protocol" error={error('protocol')}>{(control) => <Select {...control} value={row.protocol} onChange={(event) => change(row, { protocol: event.target.value === 'UDP' ? 'UDP' : 'TCP' })}><option>TCP</option><option>UDP</option></Select>}</Field>
            <IconButton label={`Remove port ${row.port || i + 1}`} icon={<Trash2 className="size-4" />} onClick={() => onChange(ports.filter((each) => each.id !== row.id))} className="mt-5 size-8" />
          </div>
        )
      })}
      {errors['ports'] && <p role="alert" className="text-xs text-error-content">{errors['ports']}</p>}
      <p className="text-xs text-faint">The pods’ port is a number, or the name of a port of their containers.</p>
      <div><Button size="sm" icon={<Plus className="size-3.5" />} onClick={() => onChange([...ports, newPort()])}>Add port</Button></div>
    </fieldset>
  )
}
