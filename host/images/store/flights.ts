import { cancelled } from '../image-error'
import type { ImageProgress, Listener } from './progress'

type Waiter = { onProgress?: Listener; signal?: AbortSignal }
type Flight<T> = { result: Promise<T>; listeners: Set<Listener>; last: ImageProgress | null; waiting: number; abort: AbortController }

/**
 * Work that several callers want at once is done once: they share its result and its progress. One caller's signal
 * ends only that caller's wait; the work itself is aborted when nobody waits for it any more.
 */
export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /** Joins the work under `key`, or begins it. Rejects with {@link ImageError} cancelled when `signal` aborts. */
  async join(key: string, { onProgress, signal }: Waiter, work: (report: Listener, signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal?.aborted) throw cancelled()
    const flight = this.#flights.get(key) ?? this.#begin(key, work)
    flight.waiting++
    if (onProgress) {
      flight.listeners.add(onProgress)
      if (flight.last) onProgress(flight.last)
    }
    let stop: (() => void) | undefined
    try {
      const stopped = new Promise<never>((_, reject) => {
        stop = () => reject(cancelled())
        signal?.addEventListener('abort', stop, { once: true })
      })
      return await Promise.race([flight.result, stopped])
    } finally {
      if (stop) signal?.removeEventListener('abort', stop)
      if (onProgress) flight.listeners.delete(onProgress)
      if (--flight.waiting === 0) {
        // A caller that comes while the aborted work still ends must begin anew, not join what was given up.
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
        flight.abort.abort()
      }
    }
  }

  #begin(key: string, work: (report: Listener, signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController()
    const flight: Flight<T> = { result: Promise.reject(cancelled()), listeners: new Set(), last: null, waiting: 0, abort }
    flight.result.catch(() => {})
    const report: Listener = (progress) => {
      flight.last = progress
      for (const listener of flight.listeners) listener(progress)
    }
    flight.result = work(report, abort.signal).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    flight.result.catch(() => {})
    this.#flights.set(key, flight)
    return flight
  }
}
