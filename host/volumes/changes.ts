/** An event without content that many wait for. */
export class Changes {
  private waiting = new Set<() => void>()

  changed(): void {
    const all = this.waiting
    this.waiting = new Set()
    for (const wake of all) wake()
  }

  /** Resolves with the next change, and when the signal is aborted. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}
