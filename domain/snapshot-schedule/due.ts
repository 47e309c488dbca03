import { everySeconds, type Retention, type SnapshotScheduleSpec } from './spec'

/** A snapshot that a schedule took. */
export type TakenSnapshot = { uid: string; takenAt: Date }

/**
 * When a schedule runs next: at the first multiple of its interval since 1970 (of UTC, which has no summer time) after `from`. So it runs at the same times wherever and
 * whenever it is asked, and one that was missed is run once, not as often as it was missed.
 */
export function nextRun({ every }: Pick<SnapshotScheduleSpec, 'every'>, from: Date): Date {
  const step = (everySeconds(every) ?? 86_400) * 1000
  return new Date((Math.floor(from.getTime() / step) + 1) * step)
}

/** Its next runs after `from`, the first first; none of one that is suspended. */
export function nextRuns(spec: Pick<SnapshotScheduleSpec, 'every' | 'suspended'>, from: Date, count: number): Date[] {
  const runs: Date[] = []
  for (let at = from; !spec.suspended && runs.length < count; runs.push(at)) at = nextRun(spec, at)
  return runs
}

/** How many of one volume a retention keeps at most: the newest one is kept by each rule that keeps any. */
export function mostKept(keep: Retention): number {
  const rules = Object.values(keep).filter((number) => number > 0)
  return rules.reduce((sum, number) => sum + number, 0) - Math.max(0, rules.length - 1)
}

const day = 86_400_000
/** 1970 began on a Thursday. */
const weekOf = (at: Date): number => Math.floor((at.getTime() / day + 3) / 7)
const periods: Readonly<Record<Exclude<keyof Retention, 'last'>, (at: Date) => string>> = {
  hourly: (at) => at.toISOString().slice(0, 13),
  daily: (at) => at.toISOString().slice(0, 10),
  weekly: (at) => String(weekOf(at)),
  monthly: (at) => at.toISOString().slice(0, 7),
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

/** Which of a schedule's snapshots no rule keeps any more, of each volume for itself. */
export function expiredOf(taken: readonly (TakenSnapshot & { volumeUid: string })[], keep: Retention): Set<string> {
  const byVolume = new Map<string, TakenSnapshot[]>()
  for (const one of taken) byVolume.set(one.volumeUid, [...(byVolume.get(one.volumeUid) ?? []), one])
  return new Set([...byVolume.values()].flatMap((ofOne) => expired(ofOne, keep)))
}

/** Which of one volume's snapshots of a schedule no rule keeps any more. */
export function expired(snapshots: readonly TakenSnapshot[], keep: Retention): string[] {
  const newestFirst = snapshots.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime() || (a.uid < b.uid ? 1 : -1))
  const kept = new Set(newestFirst.slice(0, keep.last).map(({ uid }) => uid))
  for (const rule of ['hourly', 'daily', 'weekly', 'monthly'] as const) for (const uid of newestOf(newestFirst, keep[rule], periods[rule])) kept.add(uid)
  return newestFirst.filter(({ uid }) => !kept.has(uid)).map(({ uid }) => uid)
}
