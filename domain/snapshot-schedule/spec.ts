import { z } from 'zod'
import { text, wholeNumber } from '../pod/fields'
import { dnsLabel, dnsSubdomain } from '../shared/names'
import { selector } from '../shared/selector'
import { maxSnapshotGroup } from '../volume/limits'
import { consistency } from '../volume-snapshot/spec'
import { cronProblem, isTimeZone } from './cron'

const seconds = { m: 60, h: 3600, d: 86_400 } as const
const minEverySeconds = 5 * 60
const maxEverySeconds = 366 * 86_400

/** Seconds of an interval such as `15m`, `6h`, `1d`; null when it is none. */
export function everySeconds(every: string): number | null {
  const [, number, unit] = /^([1-9]\d{0,5})([mhd])$/.exec(every) ?? []
  return number === undefined ? null : Number(number) * seconds[unit as keyof typeof seconds]
}

const every = text
  .refine((value) => everySeconds(value) !== null, { error: 'must be a number of minutes, hours or days, such as "15m", "6h" or "1d"', abort: true })
  .refine((value) => (everySeconds(value) ?? 0) >= minEverySeconds && (everySeconds(value) ?? 0) <= maxEverySeconds, 'must be from 5m to 366d')

const schedule = text.max(100, { error: 'must be at most 100 characters', abort: true }).superRefine((value, context) => {
  const problem = cronProblem(value)
  if (problem !== null) context.addIssue({ code: 'custom', message: problem })
})
const timeZone = text.refine(isTimeZone, 'must be a name of the tz database, such as "Europe/Berlin" or "UTC"')

const count = (most: number) => wholeNumber(0, most).default(0)

/** How many are kept: the `last` ones, and of each hour, day, week and month (of UTC, or of the schedule's time zone; hours always of UTC; a week from Monday on) the newest. A snapshot that any of them keeps stays. */
export const retention = z
  .strictObject({ last: count(200), hourly: count(200), daily: count(200), weekly: count(200), monthly: count(120) })
  .refine((keep) => Object.values(keep).some((number) => number > 0), 'must keep some: a schedule that keeps none takes none')
export type Retention = z.infer<typeof retention>

/** Which volumes: by name, by labels, or all that a pod has. Those of a pod are taken at one instant. */
const scheduledVolumes = z
  .strictObject({
    names: z.array(dnsSubdomain).min(1, 'must name a volume').max(maxSnapshotGroup).optional(),
    selector: selector.optional(),
    pod: z.strictObject({ namespace: dnsLabel.default('default'), name: dnsSubdomain }).optional(),
  })
  .refine((volumes) => Object.values(volumes).filter((one) => one !== undefined).length === 1, 'must have exactly one of names, selector, pod')

/** `every`: at an interval, at times that its name spreads; `schedule`: by a cron expression, as a CronJob, by the clocks of `timeZone` (UTC where none is named). */
export const snapshotScheduleSpec = z
  .strictObject({
    volumes: scheduledVolumes,
    every: every.optional(),
    schedule: schedule.optional(),
    timeZone: timeZone.optional(),
    keep: retention,
    consistency: consistency.default('CrashConsistent'),
    suspended: z.boolean({ error: 'must be true or false' }).default(false),
  })
  .superRefine(({ every, schedule, timeZone }, context) => {
    if ((every === undefined) === (schedule === undefined)) context.addIssue({ code: 'custom', path: [every === undefined ? 'every' : 'schedule'], message: 'must have exactly one of every, schedule' })
    if (every !== undefined && timeZone !== undefined) context.addIssue({ code: 'custom', path: ['timeZone'], message: 'is of a schedule: an interval is the same in all time zones' })
  })
export type SnapshotScheduleSpec = z.infer<typeof snapshotScheduleSpec>
/** When one runs. */
export type Timing = Pick<SnapshotScheduleSpec, 'every' | 'schedule' | 'timeZone'>
