/** An event without content that can be awaited; a wake before the wait is not lost. */
export class Wake {
  private pending = false
  private waiting: (() => void)[] = []

  wake(): void {
    this.pending = true
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  /** Resolves at the next wake, at once if there was one since the last {@link Wake.clear}. */
  wait(): Promise<void> {
    return this.pending ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve))
  }

  /** Whether there was one since. */
  get isAwake(): boolean {
    return this.pending
  }

  clear(): void {
    this.pending = false
  }
}
