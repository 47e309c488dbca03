import type { Clock } from '../clock'

/** As the kubelet bounds the events of one object: so many at once, then one in five minutes. */
const burst = 25
const refillMs = 300_000

/**
 * Events of probes that fail again and again, bounded: of the same trouble in a row the 1st, 2nd, 4th, 8th… are told, with
 * their number, and of all not more than the kubelet would.
 */
export class TroubleEvents {
  private readonly last = new Map<string, { message: string; times: number }>()
  private left = burst
  private filledAt: number

  constructor(
    private readonly clock: Clock,
    private readonly event: (reason: string, message: string) => void,
  ) {
    this.filledAt = clock.steady()
  }

  /** `key` is what the trouble is about, such as the liveness probe of a container. */
  tell(key: string, reason: string, message: string): void {
    const before = this.last.get(key)
    const times = before?.message === message ? before.times + 1 : 1
    this.last.set(key, { message, times })
    if ((times & (times - 1)) !== 0 || !this.take()) return
    this.event(reason, times === 1 ? message : `${message} (${times} times in a row)`)
  }

  /** It went well: the same trouble later is a new one. */
  over(key: string): void {
    this.last.delete(key)
  }

  private take(): boolean {
    const refilled = Math.floor((this.clock.steady() - this.filledAt) / refillMs)
    if (refilled > 0) {
      this.left = Math.min(burst, this.left + refilled)
      this.filledAt += refilled * refillMs
    }
    if (this.left === 0) return false
    this.left -= 1
    return true
  }
}
