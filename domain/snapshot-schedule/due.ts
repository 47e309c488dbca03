import { hash32 } from '../shared/hash'
import { dayIn, nextOfCron } from './cron'
import { everySeconds, type Retention, type SnapshotScheduleSpec, type Timing } from './spec'

/** A snapshot that a schedule took. */
export type TakenSnapshot = { uid: string; takenAt: Date }

/**
 * When a schedule runs next after `from`; null: never. By its cron expression, or at the multiples of its interval since 1970 (of UTC, which has no summer time), moved by an offset within the
 * interval that `key` gives: so not all run at midnight, and each runs at the same times wherever and whenever it is asked. One that was missed is run once, not as often as it was missed.
 * @param key what tells it from all others: {@link spreadKey}
 */
export function nextRun({ every, schedule, timeZone }: Timing, key: string, from: Date): Date | null {
  if (schedule !== undefined) return nextOfCron(schedule, timeZone ?? 'UTC', from)
  const seconds = everySeconds(every ?? '') ?? 86_400
  const offset = hash32(key) % seconds
  return new Date((Math.floor((from.getTime() / 1000 - offset) / seconds + 1) * seconds + offset) * 1000)
}

/** What gives an interval its offset: of one tenant's schedule of one name, so that it can be told before that is made, and is as before where it is made anew. */
export const spreadKey = (tenantId: string, name: string): string => `${tenantId}/${name}`

/** Whether both run at the same times. */
export const sameTiming = (a: Timing, b: Timing): boolean => a.every === b.every && a.schedule === b.schedule && (a.timeZone ?? 'UTC') === (b.timeZone ?? 'UTC')

/** Its next runs after `from`, the first first; none of one that is suspended. */
export function nextRuns(spec: Timing & Pick<SnapshotScheduleSpec, 'suspended'>, key: string, from: Date, count: number): Date[] {
  const runs: Date[] = []
  for (let at = spec.suspended ? null : nextRun(spec, key, from); at !== null && runs.length < count; at = nextRun(spec, key, at)) runs.push(at)
  return runs
}

/** How many of one volume a retention keeps at most: the newest one is kept by each rule that keeps any. */
export function mostKept(keep: Retention): number {
  const rules = Object.values(keep).filter((number) => number > 0)
  return rules.reduce((sum, number) => sum + number, 0) - Math.max(0, rules.length - 1)
}

/** 1970 began on a Thursday. `day`: `2026-11-27`. */
const weekOf = (day: string): number => Math.floor((Date.parse(`${day}T00:00:00Z`) / 86_400_000 + 3) / 7)
/** Hours are of UTC: where the clock is put back, two have one name. */
const periods: Readonly<Record<Exclude<keyof Retention, 'last'>, (at: Date, timeZone: string) => string>> = {
  hourly: (at) => at.toISOString().slice(0, 13),
  daily: (at, timeZone) => dayIn(timeZone, at),
  weekly: (at, timeZone) => String(weekOf(dayIn(timeZone, at))),
  monthly: (at, timeZone) => dayIn(timeZone, at).slice(0, 7),
}

/** The newest of each of the newest `count` periods that have one. */
function newestOf(newestFirst: readonly TakenSnapshot[], count: number, periodOf: (at: Date) => string): string[] {
  const kept = new Map<string, string>()
  for (const { uid, takenAt } of newestFirst) {
    const period = periodOf(takenAt)
    if (!kept.has(period) && kept.size < count) kept.set(period, uid)
  }
  return [...kept.values()]
}

type Keeps = Pick<SnapshotScheduleSpec, 'keep' | 'timeZone'>

/** Which of a schedule's snapshots no rule keeps any more, of each volume for itself. */
export function expiredOf(taken: readonly (TakenSnapshot & { volumeUid: string })[], spec: Keeps): Set<string> {
  const byVolume = new Map<string, TakenSnapshot[]>()
  for (const one of taken) byVolume.set(one.volumeUid, [...(byVolume.get(one.volumeUid) ?? []), one])
  return new Set([...byVolume.values()].flatMap((ofOne) => expired(ofOne, spec)))
}

/** Which of one volume's snapshots of a schedule no rule keeps any more. Days, weeks and months are of its time zone. */
export function expired(snapshots: readonly TakenSnapshot[], { keep, timeZone = 'UTC' }: Keeps): string[] {
  const newestFirst = snapshots.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime() || (a.uid < b.uid ? 1 : -1))
  const kept = new Set(newestFirst.slice(0, keep.last).map(({ uid }) => uid))
  for (const rule of ['hourly', 'daily', 'weekly', 'monthly'] as const) for (const uid of newestOf(newestFirst, keep[rule], (at) => periods[rule](at, timeZone))) kept.add(uid)
  return newestFirst.filter(({ uid }) => !kept.has(uid)).map(({ uid }) => uid)
}
