import { consistency as consistencySpec, type Consistency } from '@/domain/volume-snapshot/spec'
import { Field } from '@/components/ui/field'
import { Select } from '@/components/ui/input'
import { consistencyText } from './words'

/** How a file system is when a snapshot of it is taken. */
export function ConsistencyField({ value, error, onChange }: { value: Consistency; error: string | undefined; onChange: (next: Consistency) => void }) {
  return (
    <Field label="File system" hint={consistencyText[value].hint} error={error}>
      {(control) => <Select {...control} value={value} onChange={(event) => onChange(consistencySpec.catch('CrashConsistent').parse(event.target.value))}>{consistencySpec.options.map((each) => <option key={each} value={each}>{consistencyText[each].label}</option>)}</Select>}
    </Field>
  )
}
