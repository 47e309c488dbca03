import { z } from 'zod'
import { text, wholeNumber } from '../pod/fields'
import { dnsLabel, dnsSubdomain } from '../shared/names'
import { selector } from '../shared/selector'
import { maxSnapshotGroup } from '../volume/limits'
import { consistency } from '../volume-snapshot/spec'

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

const count = (most: number) => wholeNumber(0, most).default(0)

/** How many are kept: the `last` ones, and of each hour, day, week and month (all of UTC, a week from Monday on) the newest. A snapshot that any of them keeps stays. */
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

export const snapshotScheduleSpec = z.strictObject({
  volumes: scheduledVolumes,
  every,
  keep: retention,
  consistency: consistency.default('CrashConsistent'),
  suspended: z.boolean({ error: 'must be true or false' }).default(false),
})
export type SnapshotScheduleSpec = z.infer<typeof snapshotScheduleSpec>
