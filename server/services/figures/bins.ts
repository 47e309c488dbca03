import { figureRange, type FigureRange } from '@/domain/figures/levels'
import type { FigureRow } from '@/server/store/figures'

/** Rows of several hosts by the time that they are of, in its order. */
export function binsOf(rows: readonly FigureRow[]): { times: number[]; bins: FigureRow[][] } {
  const byTime = new Map<number, FigureRow[]>()
  for (const row of rows) byTime.set(row.at.getTime(), [...(byTime.get(row.at.getTime()) ?? []), row])
  const times = [...byTime.keys()].sort((a, b) => a - b)
  return { times, bins: times.map((at) => byTime.get(at) ?? []) }
}

/** What all figures over a range say of it. */
export function timedOf(range: FigureRange, times: readonly number[], now: Date | null) {
  const { seconds, step } = figureRange[range]
  const end = now?.getTime() ?? Date.now()
  return { range, stepSeconds: step, from: new Date(end - seconds * 1000).toISOString(), to: new Date(end).toISOString(), times: times.map((at) => new Date(at).toISOString()) }
}

type Counted = { [K in keyof FigureRow]: FigureRow[K] extends bigint | null ? K : never }[keyof FigureRow]

/** The hosts' rates a second added, to so many parts of one; null where none counted it. */
export function rateOf(bin: readonly FigureRow[], of: Counted, digits: number): number | null {
  const counted = bin.flatMap((row) => (row[of] === null || row.coveredMs <= 0n ? [] : [(Number(row[of]) * 1000) / Number(row.coveredMs)]))
  return counted.length === 0 ? null : Math.round(counted.reduce((sum, value) => sum + value, 0) * digits) / digits
}

/** Of all bins together. */
export const totalOf = (rows: readonly FigureRow[], of: Counted): number => Number(rows.reduce((sum, row) => sum + (row[of] ?? 0n), 0n))
