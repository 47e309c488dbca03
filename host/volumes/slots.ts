/** So many tasks run at a time; the others wait in the order in which they came, each until its signal. */
export class Slots {
  private readonly waiting: (() => void)[] = []
  private running = 0

  constructor(private readonly count: number) {}

  /** Settles as the task does, or rejects with the signal's reason where that comes before its turn. */
  async do<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.running < this.count) this.running += 1
    else await this.turn(signal)
    try {
      return await task()
    } finally {
      // Whoever waits takes the place over.
      const next = this.waiting.shift()
      if (next) next()
      else this.running -= 1
    }
  }

  private turn(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const gaveUp = (): void => {
        this.waiting.splice(this.waiting.indexOf(began), 1)
        reject(signal?.reason as Error)
      }
      const began = (): void => {
        signal?.removeEventListener('abort', gaveUp)
        resolve()
      }
      this.waiting.push(began)
      signal?.addEventListener('abort', gaveUp, { once: true })
    })
  }
}
