import { everySeconds, type Retention, type SnapshotScheduleSpec, type Timing } from '@/domain/snapshot-schedule/spec'
import { means } from '@/domain/snapshot-schedule/together'
import type { VolumeView } from '@/domain/volume/view'
import { selectorText } from '@/components/network-policies/selector-words'
import { clockOf, daysText } from './clock-times'
import { rules } from './schedule-draft'

const units = [[86_400, 'day'], [3600, 'hour'], [60, 'minute']] as const

/** `Every day`, `Every 6 hours`. */
export function everyText(every: string): string {
  const seconds = everySeconds(every)
  const [unit, word] = units.find(([size]) => seconds !== null && seconds % size === 0) ?? [1, 'second']
  const count = (seconds ?? 0) / unit
  return seconds === null ? every : count === 1 ? `Every ${word}` : `Every ${count} ${word}s`
}

/** When a schedule runs, as people say it: `Every 6 hours`, `Every day at 02:30 (Europe/Berlin)`, `Mon and Thu at 02:30 (UTC)`; what is no hour of days as its cron expression. */
export function whenText({ every, schedule, timeZone }: Timing): string {
  if (schedule === undefined) return everyText(every ?? '')
  const clock = clockOf(schedule)
  return `${clock ? `${daysText(clock.days)} at ${clock.time}` : `Cron ${schedule}`} (${timeZone ?? 'UTC'})`
}

/** What the server says in the midst of a sentence, as one. */
export const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`

const words: Readonly<Record<(typeof rules)[number], string>> = { last: 'the last', hourly: 'hourly', daily: 'daily', weekly: 'weekly', monthly: 'monthly' }
/** `the last 3, 7 daily, 4 weekly`. */
export const keepText = (keep: Retention): string => rules.filter((rule) => keep[rule] > 0).map((rule) => (rule === 'last' ? `${words.last} ${keep.last}` : `${keep[rule]} ${words[rule]}`)).join(', ')

/** Which volumes a schedule takes. */
export function volumesText({ names, selector, pod }: SnapshotScheduleSpec['volumes']): string {
  if (names) return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
  return pod ? `All of pod ${pod.namespace}/${pod.name}, at one instant` : `With ${selectorText(selector) ?? ''}`
}

/** What is said of a schedule that means no volume now, though none that it names is missing. */
export const nothingMeant = ({ volumes }: Pick<SnapshotScheduleSpec, 'volumes'>): string =>
  volumes.selector ? `No volume has ${selectorText(volumes.selector) ?? 'such labels'}: its runs take nothing until one has. Labels are told apart by upper and lower case, too.` : `Pod ${volumes.pod?.namespace ?? ''}/${volumes.pod?.name ?? ''} has no volume, or is not there: its runs take nothing until it has one.`

/** Whether a schedule takes this volume. */
export const takes = (volumes: SnapshotScheduleSpec['volumes'], { metadata: { name, labels }, status }: Pick<VolumeView, 'metadata' | 'status'>): boolean => means(volumes, { name, labels, pods: status.attachments.flatMap(({ pod }) => pod ?? []) })
