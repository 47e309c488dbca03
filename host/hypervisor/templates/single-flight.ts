/**
 * Does a piece of work once for all who ask while it is under way. A failure is told again for `retryAfterMs` without
 * trying: one try may take a whole time limit.
 */
export class SingleFlight<T> {
  private readonly running = new Map<string, Promise<T>>()
  private readonly failures = new Map<string, { at: number; error: unknown }>()

  constructor(private readonly retryAfterMs: number) {}

  do(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.running.get(key)
    if (running) return running
    const failure = this.failures.get(key)
    if (failure && performance.now() - failure.at < this.retryAfterMs) return Promise.reject(failure.error)
    this.failures.delete(key)
    const done = work()
      .catch((error: unknown) => {
        this.failures.set(key, { at: performance.now(), error })
        throw error
      })
      .finally(() => this.running.delete(key))
    this.running.set(key, done)
    return done
  }

  /** Waits for all that is under way, however it ends. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.running.values())
  }
}
