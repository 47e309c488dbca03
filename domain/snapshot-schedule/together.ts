import type { Labels } from '../shared/names'
import { selects } from '../shared/selector'
import { mostKept } from './due'
import type { SnapshotScheduleSpec } from './spec'

/** A volume as schedules know it. `pods`: those that have it. */
export type MeantVolume = { name: string; labels: Labels; pods: readonly { namespace: string; name: string }[] }
export type NamedSchedule = { name: string; spec: SnapshotScheduleSpec }

/** Whether a schedule takes this volume. */
export function means({ names, selector, pod }: SnapshotScheduleSpec['volumes'], volume: MeantVolume): boolean {
  if (names) return names.includes(volume.name)
  if (selector) return selects(selector, volume.labels)
  return volume.pods.some(({ namespace, name }) => namespace === pod?.namespace && name === pod.name)
}

/** A volume of which schedules keep more than its store does: `most` of one volume. `schedules`: how many each keeps at most. */
export type Crowd = { volume: string; most: number; schedules: { name: string; keeps: number }[] }

/**
 * Whether the schedules that take a volume keep more of it than its store does, where all of them have as many as they may: each takes one before another one goes, and neither deletes what
 * the other took. One that is suspended takes none. Null: all fit.
 */
export function crowdOf(volume: MeantVolume & { most: number }, all: readonly NamedSchedule[]): Crowd | null {
  const schedules = all.filter(({ spec }) => !spec.suspended && means(spec.volumes, volume)).map(({ name, spec }) => ({ name, keeps: mostKept(spec.keep) }))
  return crowdSize({ schedules }) > volume.most ? { volume: volume.name, most: volume.most, schedules } : null
}

/** How many are there at once where each takes one more. */
export const crowdSize = ({ schedules }: Pick<Crowd, 'schedules'>): number => keptBy(schedules) + schedules.length
const keptBy = (schedules: Crowd['schedules']): number => schedules.reduce((sum, { keeps }) => sum + keeps, 0)
const namedAtMost = 5
/** `a`, `a and b`, `a, b and c`; of many the first, and how many more. */
function list(all: readonly string[]): string {
  const [first, last] = all.length > namedAtMost ? [all.slice(0, namedAtMost), `${all.length - namedAtMost} more`] : [all.slice(0, -1), all.at(-1) ?? '']
  return first.length === 0 ? last : `${first.join(', ')} and ${last}`
}

/** A crowd in words, for people: what is too much, and what helps. */
export function crowdWords({ volume, most, schedules }: Crowd): string {
  const who = list(schedules.map(({ name, keeps }) => `"${name}" (${keeps})`))
  const fit = most - schedules.length
  if (schedules.length === 1) return `the schedule ${who} keeps too many of the volume "${volume}", of which its store keeps ${most}: keep ${fit} at most, for one is taken before another one goes`
  return `the schedules ${who} keep up to ${keptBy(schedules)} of the volume "${volume}" together, and its store keeps ${most}: ${fit < schedules.length ? '' : `keep ${fit} at most in all, for each takes one before another one goes, or `}let one of them take it`
}
