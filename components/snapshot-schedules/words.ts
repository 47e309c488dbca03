import { everySeconds, type Retention, type SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import type { VolumeView } from '@/domain/volume/view'
import { selects } from '@/domain/shared/selector'
import { selectorText } from '@/components/network-policies/selector-words'
import { rules } from './schedule-draft'

const units = [[86_400, 'day'], [3600, 'hour'], [60, 'minute']] as const

/** `Every day`, `Every 6 hours`. */
export function everyText(every: string): string {
  const seconds = everySeconds(every)
  const [unit, word] = units.find(([size]) => seconds !== null && seconds % size === 0) ?? [1, 'second']
  const count = (seconds ?? 0) / unit
  return seconds === null ? every : count === 1 ? `Every ${word}` : `Every ${count} ${word}s`
}

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
export function takes({ names, selector, pod }: SnapshotScheduleSpec['volumes'], { metadata, status }: Pick<VolumeView, 'metadata' | 'status'>): boolean {
  if (names) return names.includes(metadata.name)
  if (selector) return selects(selector, metadata.labels)
  return status.attachments.some((each) => each.pod !== null && each.pod.namespace === pod?.namespace && each.pod.name === pod.name)
}
