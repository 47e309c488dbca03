import { z } from 'zod'
import { dnsLabel } from '@/domain/shared/names'
import { snapshotScheduleSpec, type SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import type { Consistency } from '@/domain/volume-snapshot/spec'
import { labelsText, readLabels } from '@/components/config-maps/labels-text'

export const rules = ['last', 'hourly', 'daily', 'weekly', 'monthly'] as const
type Rule = (typeof rules)[number]
/** A schedule as its form has it: text as it is typed. `volumes`: names, a line each or with commas; `labels`: a line each; `pod`: `namespace/name`. */
export type ScheduleDraft = Record<Rule, string> & { name: string; which: 'names' | 'labels' | 'pod'; volumes: string; labels: string; pod: string; every: string; consistency: Consistency; suspended: boolean }

export const newScheduleDraft = (volume: string): ScheduleDraft => ({ name: volume ? `${volume.slice(0, 55).replace(/\./g, '-')}-daily` : '', which: 'names', volumes: volume, labels: '', pod: '', every: '1d', last: '', hourly: '', daily: '7', weekly: '4', monthly: '', consistency: 'CrashConsistent', suspended: false })

const numberText = (value: number) => (value === 0 ? '' : String(value))

/** The form of a schedule as it is; null where its selector says more than labels, which YAML alone can. */
export function scheduleDraftOf(name: string, { volumes, every, keep, consistency, suspended }: SnapshotScheduleSpec): ScheduleDraft | null {
  if (volumes.selector && volumes.selector.matchExpressions.length > 0) return null
  return {
    name, every, consistency, suspended,
    which: volumes.names ? 'names' : volumes.pod ? 'pod' : 'labels',
    volumes: volumes.names?.join('\n') ?? '',
    labels: labelsText(volumes.selector?.matchLabels ?? {}),
    pod: volumes.pod ? `${volumes.pod.namespace}/${volumes.pod.name}` : '',
    last: numberText(keep.last), hourly: numberText(keep.hourly), daily: numberText(keep.daily), weekly: numberText(keep.weekly), monthly: numberText(keep.monthly),
  }
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
  return { volumes: volumesOf(draft), every: draft.every.trim(), keep: { last: count(draft.last), hourly: count(draft.hourly), daily: count(draft.daily), weekly: count(draft.weekly), monthly: count(draft.monthly) }, consistency: draft.consistency, suspended: draft.suspended }
}

/** The form's field of a path as the server or the spec writes it. */
export function scheduleFieldOf(path: string, { which }: Pick<ScheduleDraft, 'which'>): string {
  const field = path.replace(/^spec\.?/, '')
  if (field.startsWith('volumes')) return which === 'names' ? 'volumes' : which
  if (field === 'keep') return 'last'
  return field.replace(/^keep\./, '')
}

/** The same rules as the server's, a problem at each field that has one. */
export const scheduleDraftSchema = z.custom<ScheduleDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const name = dnsLabel.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  if (draft.which === 'labels' && Object.keys(readLabels(draft.labels)).length === 0) problem('labels', 'name a label, such as app=db')
  for (const { path, message } of snapshotScheduleSpec.safeParse(scheduleSpecOf(draft)).error?.issues ?? []) problem(scheduleFieldOf(path.map(String).join('.'), draft), message)
})
