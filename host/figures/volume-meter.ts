import type { VolumeFigures } from '@/contracts/host/v1/figures'

type Counters = Record<'readBytes' | 'writtenBytes' | 'readOperations' | 'writeOperations' | 'readMicroseconds' | 'writeMicroseconds', number>
/** What a volume has done for one pod since it was plugged in, and what it takes in its store. `pluggedMs`: how long ago that was; null: an earlier run of the agent did it. */
export type VolumeCounted = { volumeUid: string; podUid: string; counters: Counters; storedBytes: number | null; pluggedMs: number | null }

/** The contract's bounds of what may grow in one interval, and of a level. */
const mostGrown = 2 ** 44
const mostLevel = 2 ** 46
const names = ['readBytes', 'writtenBytes', 'readOperations', 'writeOperations', 'readMicroseconds', 'writeMicroseconds'] as const
const nothing: Counters = { readBytes: 0, writtenBytes: 0, readOperations: 0, writeOperations: 0, readMicroseconds: 0, writeMicroseconds: 0 }

/** A pod that has not been read of for so long has the volume no more. Milliseconds. */
const rememberedMs = 3_600_000

type Reading = { at: number; counters: Counters }

/**
 * Makes figures of intervals from counters, those of all pods that read one volume added. One that went back, or was plugged in since, is of a disk that counts from nothing. So is one that is read for the
 * first time, from when it was plugged in; one of an earlier run of the agent only begins its first interval then, for what it did before was told. A VM that does not answer for a while is counted from where it was.
 */
export class VolumeMeter {
  private readonly last = new Map<string, Reading>()

  /** `at` is in milliseconds of a clock that only goes forward. */
  figures(at: number, counted: readonly VolumeCounted[]): (Omit<VolumeFigures, 'ageMs'> & { at: number })[] {
    const sums = new Map<string, Omit<VolumeFigures, 'ageMs'> & { at: number }>()
    for (const one of counted) {
      const last = begins(one, at, this.last.get(keyOf(one)))
      this.last.set(keyOf(one), { at, counters: one.counters })
      if (last) sums.set(one.volumeUid, added(sums.get(one.volumeUid), one, last, at))
    }
    for (const [key, { at: readAt }] of this.last) if (at - readAt > rememberedMs) this.last.delete(key)
    return [...sums.values()]
  }
}

/** Where the interval of what is counted begins; undefined: now. */
function begins({ pluggedMs }: VolumeCounted, at: number, last: Reading | undefined): Reading | undefined {
  const isSince = pluggedMs !== null && (!last || at - pluggedMs > last.at)
  return isSince ? { at: at - pluggedMs, counters: nothing } : last
}

/** The interval is that of whoever was counted longest ago. */
function added(before: (Omit<VolumeFigures, 'ageMs'> & { at: number }) | undefined, { volumeUid, counters, storedBytes }: VolumeCounted, last: Reading, at: number): Omit<VolumeFigures, 'ageMs'> & { at: number } {
  const intervalMs = Math.min(120_000, Math.max(1, before?.intervalMs ?? 1, Math.round(at - last.at)))
  const sum = { ...(before ?? { volumeUid, ...nothing, storedBytes: storedBytes === null ? null : Math.min(mostLevel, storedBytes) }), at, intervalMs }
  const isAnew = names.some((name) => counters[name] < last.counters[name])
  for (const name of names) sum[name] = Math.min(mostGrown, (sum[name] ?? 0) + counters[name] - (isAnew ? 0 : last.counters[name]))
  return sum
}

const keyOf = ({ volumeUid, podUid }: VolumeCounted): string => `${volumeUid}/${podUid}`
