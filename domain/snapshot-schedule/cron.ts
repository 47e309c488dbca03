import { Cron, CronPattern } from 'croner'

/**
 * Five fields: minute, hour, day of the month, month, day of the week. Where clocks are put forward, a run at a time that does not come is made at the first moment after it; where they are put
 * back, one at a time that comes twice is made the first time. What has a `*` or a step in its minute or hour runs on instead: not in the hour that does not come, and in both that have one name.
 * So does Vixie's cron (cron(8) of Debian), but for steps of a range.
 */
const options = { mode: '5-part', fixedTimeRule: 'no-wildcard' } as const
/** The least minutes between two runs. */
const leastMinutes = 5
/** Any moment does: what has five fields comes again and again, or never. */
const anyMoment = new Date('2000-01-01T00:00:00Z')

const nicknames: Readonly<Record<string, string>> = { '@hourly': '0 * * * *', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *', '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *' }
const fieldsOf = (schedule: string): string => nicknames[schedule.trim().toLowerCase()] ?? schedule.trim()

/** Why nothing can run by a cron expression, as the words that follow its field; null: something can. */
export function cronProblem(schedule: string): string | null {
  const pattern = patternOf(schedule)
  if (!pattern) return 'must be a cron expression of five fields (minute, hour, day of the month, month, day of the week), such as "30 2 * * *" or "0 4 * * 1-5"'
  if (minutesApart(pattern) < leastMinutes) return `must leave ${leastMinutes} minutes between two runs, such as "*/${leastMinutes} * * * *"`
  if (nextOfCron(schedule, 'UTC', anyMoment) === null) return 'never comes: no month that it names has such a day'
  return null
}

function patternOf(schedule: string): CronPattern | null {
  const fields = fieldsOf(schedule)
  // What has none of them is read as a date, or as a time to start at.
  if (fields.split(/\s+/).length !== 5) return null
  try {
    return new CronPattern(fields, undefined, options)
  } catch {
    return null
  }
}

/** The fewest minutes between two runs of one day. */
function minutesApart({ minute, hour }: CronPattern): number {
  const minutes = minute.flatMap((runs, at) => (runs ? [at] : []))
  const [first = 0, last = 0] = [minutes[0], minutes.at(-1)]
  const within = minutes.slice(1).map((at, i) => at - (minutes[i] ?? at))
  const hoursInRow = hour.some((runs, at) => runs && hour[(at + 1) % 24])
  return Math.min(60, ...within, ...(hoursInRow ? [60 - last + first] : []))
}

/** When a cron expression that has no problem runs next after `from`, by the clocks of a time zone; null: never. */
export const nextOfCron = (schedule: string, timeZone: string, from: Date): Date | null => new Cron(fieldsOf(schedule), { ...options, timezone: timeZone }).nextRun(from)

/** Whether a name is one of the tz database's, as `Europe/Berlin` or `UTC` (RFC 6557; `Local` and offsets are none). */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()
/** The day of a moment by the clocks of a time zone: `2026-11-27`. */
export function dayIn(timeZone: string, at: Date): string {
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short' })
  formats.set(timeZone, format)
  return format.format(at)
}
