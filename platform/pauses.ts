/** Pauses of one piece of work, which all end early once there is something new to do. They keep no process from its end. */
export class Pauses {
  private readonly waking = new Set<() => void>()

  /** Until the time is over, or {@link end}. */
  of(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.waking.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      timer.unref()
      this.waking.add(done)
    })
  }

  /** Ends those that there are. */
  end(): void {
    for (const wake of this.waking) wake()
  }
}
