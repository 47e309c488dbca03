import type { VolumeFigures } from '@/contracts/host/v1/figures'

type Counters = Record<'readBytes' | 'writtenBytes' | 'readOperations' | 'writeOperations' | 'readMicroseconds' | 'writeMicroseconds', number>
/** What a volume has done for one pod since it was plugged in, and what it takes in its store. */
export type VolumeCounted = { volumeUid: string; podUid: string; counters: Counters; storedBytes: number | null }

/** The contract's bounds of what may grow in one interval, and of a level. */
const mostGrown = 2 ** 44
const mostLevel = 2 ** 46
const names = ['readBytes', 'writtenBytes', 'readOperations', 'writeOperations', 'readMicroseconds', 'writeMicroseconds'] as const
const nothing: Counters = { readBytes: 0, writtenBytes: 0, readOperations: 0, writeOperations: 0, readMicroseconds: 0, writeMicroseconds: 0 }

/**
 * Makes figures of intervals from counters, those of all pods that read one volume added. One that went back is of a disk that was plugged in anew, and counts from nothing; so does one that
 * came since the reading before.
 */
export class VolumeMeter {
  private before: { at: number; counters: ReadonlyMap<string, Counters> } | null = null

  /** `at` is in milliseconds of a clock that only goes forward. None of the first reading: it is where the first interval begins. */
  figures(at: number, counted: readonly VolumeCounted[]): (Omit<VolumeFigures, 'ageMs'> & { at: number })[] {
    const { before } = this
    this.before = { at, counters: new Map(counted.map((one) => [keyOf(one), one.counters])) }
    if (!before) return []
    const intervalMs = Math.min(120_000, Math.max(1, Math.round(at - before.at)))
    const sums = new Map<string, Omit<VolumeFigures, 'ageMs'> & { at: number }>()
    for (const one of counted) {
      const last = before.counters.get(keyOf(one)) ?? nothing
      const isAnew = names.some((name) => one.counters[name] < last[name])
      const sum = sums.get(one.volumeUid) ?? { volumeUid: one.volumeUid, at, intervalMs, ...nothing, storedBytes: one.storedBytes === null ? null : Math.min(mostLevel, one.storedBytes) }
      for (const name of names) sum[name] = Math.min(mostGrown, (sum[name] ?? 0) + one.counters[name] - (isAnew ? 0 : last[name]))
      sums.set(one.volumeUid, sum)
    }
    return [...sums.values()]
  }
}

const keyOf = ({ volumeUid, podUid }: VolumeCounted): string => `${volumeUid}/${podUid}`
