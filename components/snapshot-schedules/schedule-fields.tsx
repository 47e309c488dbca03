'use client'
import { useQuery } from '@tanstack/react-query'
import { useTRPC } from '@/components/client/trpc'
import { Checkbox } from '@/components/ui/checkbox'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input, Textarea } from '@/components/ui/input'
import { Segmented } from '@/components/ui/segmented'
import { ConsistencyField } from '@/components/volume-snapshots/consistency-field'
import type { ScheduleDraft } from './schedule-draft'
import { WhenFields } from './when-fields'

export type ScheduleFieldsProps = { tenant: string; values: ScheduleDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof ScheduleDraft>(name: K, value: ScheduleDraft[K]) => void }

/** Of which volumes, how often, and how many are kept. */
export function ScheduleFields(props: ScheduleFieldsProps) {
  const { values, errors, set } = props
  return (
    <>
      <WhichVolumes {...props} />
      <WhenFields {...props} />
      <Kept {...props} />
      <ConsistencyField value={values.consistency} error={errors['consistency']} onChange={(next) => set('consistency', next)} />
      <Checkbox label="Suspended" hint="It takes none, and what it has taken stays." checked={values.suspended} onChange={(event) => set('suspended', event.target.checked)} />
    </>
  )
}

function WhichVolumes({ tenant, values, errors, set }: ScheduleFieldsProps) {
  const pods = useQuery({ ...useTRPC().pod.list.queryOptions({ tenant, limit: 50 }), enabled: values.which === 'pod' })
  return (
    <>
      <div className="flex flex-col items-start gap-1">
        <span className="text-xs font-medium text-soft" aria-hidden>Of which volumes</span>
        <Segmented label="Of which volumes" value={values.which} onChange={(next) => set('which', next)} options={[{ value: 'names', label: 'By name' }, { value: 'labels', label: 'By labels', hint: 'Also those that come later' }, { value: 'pod', label: 'Of a pod', hint: 'All that it has, at one instant' }]} />
      </div>
      {values.which === 'names' && <Field label="Volumes" hint="A line each" error={errors['volumes']}>{(control) => <Textarea {...control} mono rows={2} value={values.volumes} spellCheck={false} onChange={(event) => set('volumes', event.target.value)} />}</Field>}
      {values.which === 'labels' && <Field label="Labels" hint="A line each: key=value; a volume has all of them" error={errors['labels']}>{(control) => <Textarea {...control} mono rows={2} value={values.labels} spellCheck={false} onChange={(event) => set('labels', event.target.value)} />}</Field>}
      {values.which === 'pod' && <Field label="Pod" hint="As namespace/name; it may be named before it is there" error={errors['pod']}>{(control) => <Combobox {...control} mono value={values.pod} onChange={(next) => set('pod', next)} options={(pods.data?.items ?? []).map(({ metadata, status }) => ({ value: `${metadata.namespace}/${metadata.name}`, detail: status.phase }))} />}</Field>}
    </>
  )
}

const kept = [['last', 'Last'], ['hourly', 'Hourly'], ['daily', 'Daily'], ['weekly', 'Weekly'], ['monthly', 'Monthly']] as const

function Kept({ values, errors, set }: ScheduleFieldsProps) {
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="pb-1 text-xs font-medium text-soft">Kept of each volume</legend>
      <div className="grid grid-cols-3 gap-3 sm:grid-cols-5">
        {kept.map(([rule, label]) => (
          <Field key={rule} label={label} error={errors[rule]}>
            {(control) => <Input {...control} mono inputMode="numeric" autoComplete="off" placeholder="0" value={values[rule]} onChange={(event) => set(rule, event.target.value)} />}
          </Field>
        ))}
      </div>
      <p className="text-xs text-faint">The newest of each hour, day, week from Monday on, and month, by its time zone, or of UTC. What any of these keeps stays.</p>
    </fieldset>
  )
}
