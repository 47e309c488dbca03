import type { Clock } from '@/host/pods/clock'
import { Wake } from '@/host/pods/wake'
import type { Logger } from '@/platform/logger'

const [firstRetryMs, lastRetryMs] = [60_000, 3_600_000]

/** `work` does all that is to do, and may fail. `isOver`: there is nothing to do any more. */
type Parts = { volumeUid: string; work: () => Promise<void>; isOver: () => boolean; clock: Clock; log: Pick<Logger, 'warn'>; signal: AbortSignal }

/** Merges layers of one volume whenever something says that there are some, one run at a time; what failed is tried again after a minute, and then less and less often. */
export class Tidying {
  private readonly wake = new Wake()
  private running: Promise<void> | null = null

  constructor(private readonly parts: Parts) {}

  /** Resolves once all is done, or over. */
  now(): Promise<void> {
    this.wake.wake()
    this.running ??= this.run()
    return this.running
  }

  /** After a while, in which whoever starts goes first. */
  soon(): void {
    const { clock, signal, isOver } = this.parts
    void clock.sleep(firstRetryMs, signal).then(() => (isOver() ? undefined : this.now()), () => {})
  }

  /** Resolves when nothing is under way; after the signal. */
  async ended(): Promise<void> {
    this.wake.wake()
    await this.running
  }

  private async run(): Promise<void> {
    const { volumeUid, work, isOver, clock, log, signal } = this.parts
    await Promise.resolve()
    for (let failures = 0; !isOver() && !signal.aborted; ) {
      this.wake.clear()
      try {
        await work()
        failures = 0
        if (!this.wake.isAwake) break
      } catch (error) {
        if (signal.aborted) break
        log.warn({ volume: volumeUid, err: error }, 'layers of a volume could not be merged; it is tried again')
        const timer = new AbortController()
        await Promise.race([this.wake.wait(), clock.sleep(Math.min(lastRetryMs, firstRetryMs * 2 ** failures), timer.signal).catch(() => {})])
        timer.abort()
        failures += 1
      }
    }
    // What comes from now on begins anew.
    this.running = null
  }
}
