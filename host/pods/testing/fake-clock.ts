import type { Clock } from '../clock'

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  private time = 5_000
  /** What the wall's clock is ahead of the steady one. */
  private ahead = Date.parse('2026-01-01T00:00:00Z') - this.time
  private sleepers: { at: number; wake: () => void }[] = []

  now(): number {
    return this.time + this.ahead
  }

  steady(): number {
    return this.time
  }

  /** Somebody sets the wall's clock. */
  jump(ms: number): void {
    this.ahead += ms
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.sleepers = this.sleepers.filter((s) => s !== sleeper)
        reject(signal?.reason)
      }
      const wake = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const sleeper = { at: this.time + ms, wake }
      this.sleepers.push(sleeper)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** How long until the next sleeper wakes; null when nobody sleeps. */
  get nextIn(): number | null {
    return this.sleepers.length === 0 ? null : Math.min(...this.sleepers.map((s) => s.at)) - this.time
  }

  /** Moves the time and wakes who is due, in order. */
  async advance(ms: number): Promise<void> {
    const until = this.time + ms
    for (;;) {
      const next = this.sleepers.filter((s) => s.at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.time = Math.max(this.time, next.at)
      this.sleepers = this.sleepers.filter((s) => s !== next)
      next.wake()
      await settle()
    }
    this.time = until
    await settle()
  }
}

/** Lets everything run that only waits for other promises. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve))
}
