/**
 * Bounds how many are at what takes a processor: pods at the part of their start from VM to containers, balancers at the start of their HAProxy. First come, first
 * served; who waits can give up.
 */
export class StartGate {
  private free: number
  private readonly waiting: (() => void)[] = []
  constructor(places: number) {
    this.free = places
  }

  /** Resolves with the function that gives the place back (once; more calls do nothing). Rejects when aborted. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.free > 0) this.free -= 1
    else await this.wait(signal)
    let left = false
    return () => {
      if (left) return
      left = true
      const next = this.waiting.shift()
      if (next) next()
      else this.free += 1
    }
  }

  /** Does it in its turn. */
  async do<T>(act: () => Promise<T>): Promise<T> {
    const leave = await this.enter(new AbortController().signal)
    try {
      return await act()
    } finally {
      leave()
    }
  }

  private wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = () => {
        const place = this.waiting.indexOf(enter)
        if (place >= 0) this.waiting.splice(place, 1)
        reject(signal.reason)
      }
      this.waiting.push(enter)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }
}
