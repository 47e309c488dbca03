'use client'
import { Checkbox } from '@/components/ui/checkbox'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Segmented } from '@/components/ui/segmented'
import { weekDays } from './clock-times'
import { choose, type ScheduleDraft, type When } from './schedule-draft'
import type { ScheduleFieldsProps } from './schedule-fields'

/** When it runs: at an interval, at an hour of days, or by a cron expression; the last two by the clocks of a time zone. */
export function WhenFields(props: ScheduleFieldsProps) {
  const { values, errors, set } = props
  const change = (when: When) => {
    const { when: next = when, ...said } = choose(when, values, ownTimeZone())
    set('when', next)
    if (said.time !== undefined) set('time', said.time)
    if (said.days !== undefined) set('days', said.days)
    if (said.cron !== undefined) set('cron', said.cron)
    if (said.timeZone !== undefined) set('timeZone', said.timeZone)
  }
  return (
    <>
      <div className="flex flex-col items-start gap-1">
        <span className="text-xs font-medium text-soft" aria-hidden>When</span>
        <Segmented label="When" value={values.when} onChange={change} options={[{ value: 'every', label: 'Every', hint: 'At an interval' }, { value: 'time', label: 'At a time', hint: 'At an hour, on each day or some of the week' }, { value: 'cron', label: 'Cron', hint: 'By a cron expression of five fields' }]} />
      </div>
      {values.when === 'every' && (
        <Field label="Every" hint="Such as 15m, 6h or 1d; at times of its own, so that not all run at once" error={errors['every']}>
          {(control) => <Combobox {...control} mono value={values.every} onChange={(next) => set('every', next)} options={[{ value: '15m' }, { value: '1h' }, { value: '6h' }, { value: '1d' }, { value: '7d' }]} />}
        </Field>
      )}
      {values.when === 'time' && <AtTime {...props} />}
      {values.when === 'cron' && (
        <Field label="Cron expression" hint="Minute, hour, day of the month, month, day of the week" error={errors['cron']}>
          {(control) => <Input {...control} mono value={values.cron} autoComplete="off" spellCheck={false} onChange={(event) => set('cron', event.target.value)} />}
        </Field>
      )}
      {values.when !== 'every' && (
        <Field label="Time zone" hint="Empty: UTC. Where its clocks go forward or back, no day is left out and none is run twice" error={errors['timeZone']}>
          {(control) => <Combobox {...control} mono value={values.timeZone} onChange={(next) => set('timeZone', next)} options={timeZones()} />}
        </Field>
      )}
    </>
  )
}

/** Asked for as somebody chooses: the server knows no reader's. */
const ownTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone
let known: { value: string }[] | undefined
const timeZones = () => (known ??= ['UTC', ...Intl.supportedValuesOf('timeZone').filter((name) => name !== 'UTC')].map((value) => ({ value })))

function AtTime({ values, errors, set }: ScheduleFieldsProps) {
  const toggle = (day: number, on: boolean): ScheduleDraft['days'] => (on ? [...values.days, day] : values.days.filter((each) => each !== day))
  return (
    <>
      <Field label="Time" error={errors['time']}>
        {(control) => <Input {...control} type="time" mono value={values.time} onChange={(event) => set('time', event.target.value)} />}
      </Field>
      <fieldset className="flex flex-col gap-1">
        <legend className="pb-1 text-xs font-medium text-soft">Days</legend>
        <div className="flex flex-wrap gap-x-4 gap-y-1">{weekDays.map(([day, name]) => <Checkbox key={day} label={name} checked={values.days.includes(day)} onChange={(event) => set('days', toggle(day, event.target.checked))} />)}</div>
        <p className="text-xs text-faint">None of them: every day.</p>
      </fieldset>
    </>
  )
}
