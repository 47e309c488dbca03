import { z } from 'zod'
import { dnsLabel } from '@/domain/shared/names'
import { snapshotScheduleSpec, type SnapshotScheduleSpec, type Timing } from '@/domain/snapshot-schedule/spec'
import type { Consistency } from '@/domain/volume-snapshot/spec'
import { labelsText, readLabels } from '@/components/config-maps/labels-text'
import { clockOf, cronOf, isTime } from './clock-times'

export const rules = ['last', 'hourly', 'daily', 'weekly', 'monthly'] as const
type Rule = (typeof rules)[number]
/** When it runs: at an interval, at an hour of days, or by a cron expression. */
export type When = 'every' | 'time' | 'cron'
/**
 * A schedule as its form has it: text as it is typed. `volumes`: names, a line each or with commas; `labels`: a line each; `pod`: `namespace/name`. `time`: `02:30`; `days`: of the week, 0 is
 * Sunday, none of them every day; `timeZone`: of both `time` and `cron`, empty is UTC.
 */
export type ScheduleDraft = Record<Rule, string> & { name: string; which: 'names' | 'labels' | 'pod'; volumes: string; labels: string; pod: string; when: When; every: string; time: string; days: readonly number[]; cron: string; timeZone: string; consistency: Consistency; suspended: boolean }

const untimed = { when: 'every', every: '1d', time: '02:30', days: [], cron: '30 2 * * *', timeZone: '' } as const satisfies Partial<ScheduleDraft>

export const newScheduleDraft = (volume: string): ScheduleDraft => ({ name: volume ? `${volume.slice(0, 55).replace(/\./g, '-')}-daily` : '', which: 'names', volumes: volume, labels: '', pod: '', ...untimed, last: '', hourly: '', daily: '7', weekly: '4', monthly: '', consistency: 'CrashConsistent', suspended: false })

const numberText = (value: number) => (value === 0 ? '' : String(value))

/** The form of a schedule as it is; null where its selector says more than labels, which YAML alone can. */
export function scheduleDraftOf(name: string, { volumes, keep, consistency, suspended, ...timing }: SnapshotScheduleSpec): ScheduleDraft | null {
  if (volumes.selector && volumes.selector.matchExpressions.length > 0) return null
  return {
    name, consistency, suspended,
    ...timingDraft(timing),
    which: volumes.names ? 'names' : volumes.pod ? 'pod' : 'labels',
    volumes: volumes.names?.join('\n') ?? '',
    labels: labelsText(volumes.selector?.matchLabels ?? {}),
    pod: volumes.pod ? `${volumes.pod.namespace}/${volumes.pod.name}` : '',
    last: numberText(keep.last), hourly: numberText(keep.hourly), daily: numberText(keep.daily), weekly: numberText(keep.weekly), monthly: numberText(keep.monthly),
  }
}

function timingDraft({ every, schedule, timeZone = '' }: Timing): Pick<ScheduleDraft, 'when' | 'every' | 'time' | 'days' | 'cron' | 'timeZone'> {
  if (schedule === undefined) return { ...untimed, every: every ?? '' }
  const clock = clockOf(schedule)
  return clock ? { ...untimed, when: 'time', ...clock, cron: schedule, timeZone } : { ...untimed, when: 'cron', cron: schedule, timeZone }
}

/** What is sent of when it runs. A time that is none is no cron expression, which the spec refuses. */
function timingOf({ when, every, time, days, cron, timeZone }: ScheduleDraft): Timing {
  if (when === 'every') return { every: every.trim() }
  return { schedule: when === 'time' ? cronOf(time, days) : cron.trim(), ...(timeZone.trim() && { timeZone: timeZone.trim() }) }
}

/** What changes as somebody chooses another way to say when: what was said stays as far as the other way can say it. `own`: the time zone of who chooses. */
export function choose(when: When, draft: ScheduleDraft, own: string): Partial<Pick<ScheduleDraft, 'when' | 'time' | 'days' | 'cron' | 'timeZone'>> {
  const timeZone = draft.when === 'every' && when !== 'every' && draft.timeZone === '' ? { timeZone: own } : {}
  if (when === 'cron' && draft.when === 'time' && isTime(draft.time)) return { when, cron: cronOf(draft.time, draft.days) }
  if (when === 'time' && draft.when === 'cron') return { when, ...clockOf(draft.cron.trim()) }
  return { when, ...timeZone }
}

const names = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))]

function volumesOf({ which, volumes, labels, pod }: ScheduleDraft): z.input<typeof snapshotScheduleSpec>['volumes'] {
  if (which === 'names') return { names: names(volumes) }
  if (which === 'labels') return { selector: { matchLabels: readLabels(labels) } }
  const [namespace = '', name] = pod.trim().split('/')
  return { pod: name === undefined ? { name: namespace } : { namespace, name } }
}

/** What is sent. What is no number stays none, which the spec refuses at its field. */
export function scheduleSpecOf(draft: ScheduleDraft): z.input<typeof snapshotScheduleSpec> {
  const count = (text: string) => (text.trim() === '' ? 0 : /^\d+$/.test(text.trim()) ? Number(text.trim()) : Number.NaN)
  return { volumes: volumesOf(draft), ...timingOf(draft), keep: { last: count(draft.last), hourly: count(draft.hourly), daily: count(draft.daily), weekly: count(draft.weekly), monthly: count(draft.monthly) }, consistency: draft.consistency, suspended: draft.suspended }
}

/** The form's field of a path as the server or the spec writes it. */
export function scheduleFieldOf(path: string, { which, when }: Pick<ScheduleDraft, 'which' | 'when'>): string {
  const field = path.replace(/^spec\.?/, '')
  if (field.startsWith('volumes')) return which === 'names' ? 'volumes' : which
  if (field === 'keep') return 'last'
  if (field === 'schedule') return when === 'time' ? 'time' : 'cron'
  return field.replace(/^keep\./, '')
}

/** The same rules as the server's, a problem at each field that has one. */
export const scheduleDraftSchema = z.custom<ScheduleDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const name = dnsLabel.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  if (draft.which === 'labels' && Object.keys(readLabels(draft.labels)).length === 0) problem('labels', 'name a label, such as app=db')
  if (draft.when === 'time' && !isTime(draft.time)) return problem('time', 'must be an hour and a minute, such as 02:30')
  for (const { path, message } of snapshotScheduleSpec.safeParse(scheduleSpecOf(draft)).error?.issues ?? []) problem(scheduleFieldOf(path.map(String).join('.'), draft), message)
})
