/** The upper ends of the classes in which requests are counted by how long they took, in milliseconds; the last class has none. */
export const latencyClasses = [1, 3, 10, 30, 100, 300, 1000, 3000] as const

/** Where a part of the requests lies, in milliseconds to three digits: as if those of a class were spread evenly over it. Of the last class its lower end. Null where there are none. */
export function latencyAt(counts: readonly number[] | null, part: number): number | null {
  const total = (counts ?? []).reduce((sum, count) => sum + count, 0)
  if (!counts || total === 0) return null
  let left = part * total
  for (const [i, count] of counts.entries()) {
    if (count > 0 && left <= count) {
      const low = latencyClasses[i - 1] ?? 0
      const high = latencyClasses[i] ?? low
      return Number((low + ((high - low) * left) / count).toPrecision(3))
    }
    left -= count
  }
  return latencyClasses.at(-1) ?? null
}
