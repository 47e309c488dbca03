/**
 * Bounds how many pods are at the part of their start that takes a processor (VM to containers). First come, first
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
