import type { Clock } from './clock'

/** Timers of Node hold at most about 24 days. */
const longestMs = 2 ** 30

/** Waits until a time of the steady clock, however far it is; rejects when the signal is aborted. */
async function sleepUntil(clock: Clock, at: number, signal: AbortSignal): Promise<void> {
  do await clock.sleep(Math.min(Math.max(0, at - clock.steady()), longestMs), signal)
  while (clock.steady() < at)
}

/** A pod's activeDeadlineSeconds: they count from when the host took the pod on, its images and init containers included. */
export class PodDeadline {
  private timer = new AbortController()
  constructor(private readonly clock: Clock) {}

  /** Tells once that the time is over; replaces what was armed before. `acceptedAt` is of the steady clock. */
  arm(seconds: number | undefined, acceptedAt: number, exceeded: (message: string) => void): void {
    this.disarm()
    if (seconds === undefined) return
    const message = `The pod was active for longer than its activeDeadlineSeconds of ${seconds}, so it was stopped. Raise activeDeadlineSeconds if the work needs longer, then re-create the pod.`
    sleepUntil(this.clock, acceptedAt + seconds * 1000, this.timer.signal).then(() => exceeded(message), () => {})
  }

  disarm(): void {
    this.timer.abort(new Error('another deadline holds, or none'))
    this.timer = new AbortController()
  }
}
