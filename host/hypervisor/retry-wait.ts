/** How long what needs a whole boot is not tried again after the n-th failure in a row (from 1): 1 min, twice as long each time, at most an hour. */
export const retryWaitMs = (failures: number): number => Math.min(60_000 * 2 ** (failures - 1), 3_600_000)
