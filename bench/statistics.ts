/** The p-th percentile (0 to 100) by linear interpolation between the closest ranks. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const rank = ((sorted.length - 1) * p) / 100
  const below = sorted[Math.floor(rank)]
  const above = sorted[Math.ceil(rank)]
  if (below === undefined || above === undefined) throw new RangeError('no values')
  return below + (above - below) * (rank - Math.floor(rank))
}

export const median = (values: readonly number[]): number => percentile(values, 50)

/** Milliseconds for people: median (least to most, p95). */
export const describeTimes = (values: readonly number[]): string => `${Math.round(median(values))} (${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}, p95 ${Math.round(percentile(values, 95))})`

/** Figures for people: median (least to most). */
export const describe = (values: readonly number[], digits: number): string => `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`
