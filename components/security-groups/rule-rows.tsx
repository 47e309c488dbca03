'use client'
import { ArrowDownToLine, ArrowUpFromLine, Copy, Plus, Trash2 } from 'lucide-react'
import { useId } from 'react'
import { icmpTypeNames } from '@/domain/security-group/icmp-types'
import { maxRulesOfGroup } from '@/domain/security-group/spec'
import { formatCount } from '@/components/client/formats'
import { Button, IconButton } from '@/components/ui/button'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { hasPorts, hasTypes, newRule, type DraftField, type RuleDraft } from './rule-draft'

type RuleRowsProps = {
  rules: readonly RuleDraft[]
  /** Names of the other groups of the network. */
  groups: readonly string[]
  /** By place: `rules.0.ports`. */
  errors: Record<string, string>
  onChange: (next: RuleDraft[]) => void
}

/** The editor of a group's rules: a row each, added, changed, duplicated and removed. */
export function RuleRows({ rules, groups, errors, onChange }: RuleRowsProps) {
  const full = rules.length >= maxRulesOfGroup ? `A group has at most ${maxRulesOfGroup} rules: make another group.` : undefined
  const change = (id: number, patch: Partial<RuleDraft>) => onChange(rules.map((each) => (each.id === id ? { ...each, ...patch } : each)))
  const duplicate = (rule: RuleDraft) => {
    const { id: _, ...copied } = rule
    onChange(rules.flatMap((each) => (each.id === rule.id ? [each, newRule(copied)] : [each])))
  }
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="sr-only">Rules</legend>
      {rules.length === 0 && <p className="rounded-md border border-dashed border-stroke-strong px-4 py-6 text-center text-sm text-faint">No rules: nothing comes in to its pods, and everything may leave them.</p>}
      <ol className="flex min-w-0 flex-col gap-2">
        {rules.map((rule, i) => (
          <li key={rule.id}>
            <RuleRow
              rule={rule} at={i} groups={groups} full={full}
              errorOf={(field) => errors[`rules.${i}.${field}`]}
              onChange={(patch) => change(rule.id, patch)}
              onDuplicate={() => duplicate(rule)}
              onRemove={() => onChange(rules.filter((each) => each.id !== rule.id))}
            />
          </li>
        ))}
      </ol>
      {errors['rules'] && <p role="alert" className="text-xs text-error-content">{errors['rules']}</p>}
      <div className="flex flex-wrap items-center gap-2">
        <Button size="sm" icon={<Plus className="size-3.5" />} disabledReason={full} onClick={() => onChange([...rules, newRule()])}>Add ingress rule</Button>
        <Button size="sm" icon={<Plus className="size-3.5" />} disabledReason={full} onClick={() => onChange([...rules, newRule({ direction: 'egress' })])}>Add egress rule</Button>
        <span className="ml-auto text-xs text-faint">{formatCount(rules.length, 'rule')}</span>
      </div>
    </fieldset>
  )
}

type RuleRowProps = { rule: RuleDraft; at: number; groups: readonly string[]; full: string | undefined; errorOf: (field: DraftField) => string | undefined; onChange: (patch: Partial<RuleDraft>) => void; onDuplicate: () => void; onRemove: () => void }

function RuleRow({ rule, at, groups, full, errorOf, onChange, onDuplicate, onRemove }: RuleRowProps) {
  const side = rule.direction === 'ingress' ? 'From' : 'To'
  return (
    <div role="group" aria-label={`Rule ${at}`} className="flex min-w-0 flex-col gap-3 rounded-md border border-stroke bg-raise p-3">
      <div className="flex items-center gap-2">
        {rule.direction === 'ingress' ? <ArrowDownToLine className="size-3.5 text-info" aria-hidden /> : <ArrowUpFromLine className="size-3.5 text-notice" aria-hidden />}
        <code className="font-mono text-xs text-faint">rules[{at}]</code>
        <span className="ml-auto flex gap-1">
          <IconButton label={`Duplicate rule ${at}`} icon={<Copy className="size-4" />} disabledReason={full} onClick={onDuplicate} />
          <IconButton label={`Remove rule ${at}`} icon={<Trash2 className="size-4" />} onClick={onRemove} />
        </span>
      </div>
      <div className="grid grid-cols-2 items-start gap-3 md:grid-cols-[5rem_6.25rem_minmax(0,1fr)_7.25rem_minmax(0,1.15fr)]">
        <Field label="Direction">
          {(control) => <Select {...control} value={rule.direction} onChange={(event) => onChange({ direction: event.target.value === 'egress' ? 'egress' : 'ingress' })}><option value="ingress">In</option><option value="egress">Out</option></Select>}
        </Field>
        <Field label="Protocol" error={errorOf('protocol')}>
          {(control) => (
            <Select {...control} value={rule.protocol} onChange={(event) => onChange({ protocol: protocols.find((each) => each.value === event.target.value)?.value ?? 'any' })}>
              {protocols.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
            </Select>
          )}
        </Field>
        <div className="col-span-2 md:col-span-1"><What rule={rule} errorOf={errorOf} onChange={onChange} /></div>
        <Field label={side}>
          {(control) => (
            <Select {...control} value={rule.peer} onChange={(event) => onChange({ peer: peers.find((each) => each.value === event.target.value)?.value ?? 'any' })}>
              {peers.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
            </Select>
          )}
        </Field>
        <PeerField rule={rule} groups={groups} errorOf={errorOf} onChange={onChange} />
      </div>
      <Field label="Description" optional error={errorOf('description')}>
        {(control) => <Input {...control} value={rule.description} autoComplete="off" onChange={(event) => onChange({ description: event.target.value })} />}
      </Field>
    </div>
  )
}

const protocols = [{ value: 'tcp', label: 'TCP' }, { value: 'udp', label: 'UDP' }, { value: 'icmp', label: 'ICMP' }, { value: 'icmpv6', label: 'ICMPv6' }, { value: 'any', label: 'Any' }] as const
const peers = [{ value: 'any', label: 'Anywhere' }, { value: 'cidr', label: 'Subnet' }, { value: 'group', label: 'Group' }] as const
type PartProps = Pick<RuleRowProps, 'rule' | 'errorOf' | 'onChange'>

/** Ports, or types of ICMP, as the protocol has them. */
function What({ rule, errorOf, onChange }: PartProps) {
  const listId = useId()
  if (hasPorts(rule.protocol)) {
    return (
      <Field label="Ports" hint="All where empty" error={errorOf('ports')}>
        {(control) => <Input {...control} mono value={rule.ports} placeholder="80, 8000-8100" autoComplete="off" spellCheck={false} inputMode="text" onChange={(event) => onChange({ ports: event.target.value })} />}
      </Field>
    )
  }
  const { protocol } = rule
  if (hasTypes(protocol)) {
    return (
      <Field label="Types" hint="All where empty" error={errorOf('types')}>
        {(control) => (
          <>
            <Input {...control} mono list={listId} value={rule.types} placeholder="echo-request" autoComplete="off" spellCheck={false} onChange={(event) => onChange({ types: event.target.value })} />
            <datalist id={listId}>{Object.values(icmpTypeNames[protocol]).map((name) => <option key={name} value={name} />)}</datalist>
          </>
        )}
      </Field>
    )
  }
  return <p className="pt-6 text-xs text-faint">Every protocol and port</p>
}

function PeerField({ rule, groups, errorOf, onChange }: PartProps & { groups: readonly string[] }) {
  if (rule.peer === 'any') return <p className="pt-6 text-xs text-faint">Every address, IPv4 and IPv6</p>
  if (rule.peer === 'cidr') {
    return (
      <Field label="Subnet" error={errorOf('cidr')}>
        {(control) => <Input {...control} mono value={rule.cidr} placeholder="10.0.0.0/24" autoComplete="off" spellCheck={false} onChange={(event) => onChange({ cidr: event.target.value })} />}
      </Field>
    )
  }
  return (
    <Field label="Group" hint={groups.length === 0 ? 'The network has no other group yet' : undefined} error={errorOf('group')}>
      {(control) => <Combobox {...control} mono value={rule.group} options={groups.map((value) => ({ value }))} onChange={(group) => onChange({ group })} />}
    </Field>
  )
}
