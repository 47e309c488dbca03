/** What one guest may take of the agent's only thread when it never stops: a quarter, beyond a first burst. */
const share = 0.25
const burstMs = 50
/** A guest waits no longer than this for one thing that took long. */
const maxPauseMs = 2_000

/**
 * Keeps one hostile source from taking the thread that serves all pods. Whoever does work for it says how long that took
 * and is told how long to take nothing more from it: what a source may do by the rules, such as printing empty lines
 * without end, must not cost its neighbours more than a share.
 */
export class FairShare {
  private debtMs = 0
  private at: number

  constructor(private readonly now: () => number = () => performance.now()) {
    this.at = now()
  }

  /** `ms` of the thread were spent. Returns for how many milliseconds to pause; 0: go on. */
  spent(ms: number): number {
    const now = this.now()
    this.debtMs = Math.max(0, this.debtMs - (now - this.at) * share) + ms
    this.at = now
    // Down to half of the burst, so that a pause is long enough to be worth a timer.
    return this.debtMs <= burstMs ? 0 : Math.min(maxPauseMs, Math.ceil((this.debtMs - burstMs / 2) / share))
  }
}
