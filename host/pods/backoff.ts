/** Kubernetes' restart back-off: the first restart at once, then 10 s doubling to 300 s, forgotten after 10 min of running. */
const firstMs = 10_000
const lastMs = 300_000
/** No back-off waits longer. */
export const longestWaitMs = lastMs
const forgottenAfterMs = 600_000

/** How long the next restart waits now, and the delay that the one after it starts from. */
export type Backoff = { delayMs: number; nextMs: number }

/** The back-off after something ended that ran for `ranMs`; `nextMs` is 0 at first, then what the last call gave. */
export function restartBackoff(nextMs: number, ranMs: number): Backoff {
  const delayMs = ranMs >= forgottenAfterMs ? 0 : nextMs
  return { delayMs, nextMs: delayMs === 0 ? firstMs : Math.min(delayMs * 2, lastMs) }
}

/** The wait after the n-th failure in a row (from 1) of a step of the start, such as a pull: 10 s doubling to 300 s. */
export const failureBackoff = (failures: number): number => Math.min(firstMs * 2 ** Math.max(0, failures - 1), lastMs)
