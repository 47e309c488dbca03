'use client'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { readOnFull, type LimitName, type LimitsDraft, type LimitsForm, type OnFullChoice } from './limits-draft'

type NumberProps = { values: LimitsDraft; errors: Readonly<Record<string, string>>; onLimit: (name: LimitName, next: string) => void; focus?: boolean }
type Props = NumberProps & { values: LimitsForm; onFull: (next: OnFullChoice) => void }
const input = { mono: true, autoComplete: 'off', spellCheck: false } as const

/** How much a volume may be asked for, with bursts. */
export function LimitNumberFields({ values, errors, onLimit, focus = false }: NumberProps) {
  return (
    <>
      <div className="grid grid-cols-2 gap-x-3 gap-y-4">
        <Field label="Operations a second" optional error={errors['iops']}>
          {(control) => <Input {...control} {...input} {...(focus && { autoFocus: true, 'data-autofocus': true })} inputMode="numeric" placeholder="500" value={values.iops} onChange={(event) => onLimit('iops', event.target.value)} />}
        </Field>
        <Field label="in a burst" optional error={errors['iopsBurst']}>
          {(control) => <Input {...control} {...input} inputMode="numeric" placeholder="2000" value={values.iopsBurst} onChange={(event) => onLimit('iopsBurst', event.target.value)} />}
        </Field>
        <Field label="Bytes a second" optional error={errors['bytesPerSecond']}>
          {(control) => <Input {...control} {...input} placeholder="100Mi" value={values.bytesPerSecond} onChange={(event) => onLimit('bytesPerSecond', event.target.value)} />}
        </Field>
        <Field label="in a burst" optional error={errors['bytesPerSecondBurst']}>
          {(control) => <Input {...control} {...input} placeholder="400Mi" value={values.bytesPerSecondBurst} onChange={(event) => onLimit('bytesPerSecondBurst', event.target.value)} />}
        </Field>
      </div>
      <Field label="A burst lasts" optional hint="Seconds, after as long a rest; 60 without a number" error={errors['burstSeconds']}>
        {(control) => <Input {...control} {...input} inputMode="numeric" value={values.burstSeconds} onChange={(event) => onLimit('burstSeconds', event.target.value)} />}
      </Field>
    </>
  )
}

/** How much a volume may be asked for, and what happens where its store is full. */
export function LimitsFields({ values, errors, onLimit, onFull, focus = false }: Props) {
  return (
    <>
      <LimitNumberFields values={values} errors={errors} onLimit={onLimit} focus={focus} />
      <Field label="Where its store is full" error={errors['onFull']}>
        {(control) => (
          <Select {...control} value={values.onFull} onChange={(event) => onFull(readOnFull(event.target.value))}>
            <option value="">As its class has it</option>
            <option value="Pause">The pod stands still until there is room</option>
            <option value="Fail">Writes end with “No space left on device”</option>
          </Select>
        )}
      </Field>
    </>
  )
}
