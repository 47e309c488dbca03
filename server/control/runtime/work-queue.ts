/**
 * Keys waiting for work: a key is worked on by one worker at a time, a key added while it is worked on is worked on once
 * more, and a key that fails comes back after a backoff. The value of a wake is nothing: workers read the store.
 */
export class WorkQueue {
  private readonly waiting = new Set<string>()
  private readonly active = new Set<string>()
  private readonly failures = new Map<string, number>()
  private readonly timers = new Map<string, NodeJS.Timeout>()
  private closed = false

  constructor(
    private readonly work: (key: string) => Promise<void>,
    private readonly options: { workers: number; onError(key: string, error: unknown): void; backoff?(failures: number): number },
  ) {}

  add(key: string): void {
    if (this.closed) return
    clearTimeout(this.timers.get(key))
    this.timers.delete(key)
    this.waiting.add(key)
    this.next()
  }

  /** Stops taking work and waits for what is under way. */
  async close(): Promise<void> {
    this.closed = true
    this.waiting.clear()
    for (const timer of this.timers.values()) clearTimeout(timer)
    while (this.active.size > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  private next(): void {
    for (const key of this.waiting) {
      if (this.active.size >= this.options.workers) return
      if (this.active.has(key)) continue
      this.waiting.delete(key)
      this.active.add(key)
      void this.runOne(key)
    }
  }

  private async runOne(key: string): Promise<void> {
    try {
      await this.work(key)
      this.failures.delete(key)
    } catch (error) {
      const count = (this.failures.get(key) ?? 0) + 1
      this.failures.set(key, count)
      this.options.onError(key, error)
      const delay = this.options.backoff?.(count) ?? backoffMs(count)
      if (!this.closed) this.timers.set(key, setTimeout(() => this.add(key), delay))
    } finally {
      this.active.delete(key)
      this.next()
    }
  }
}

/** 100 ms doubling to 30 s. */
export const backoffMs = (failures: number): number => Math.min(30_000, 100 * 2 ** Math.min(failures - 1, 20))
