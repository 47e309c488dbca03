import { cancelled } from '../image-error'
import type { ImageProgress, Listener } from './progress'

/** `tenantId`: in whose name; '' is the operator's. */
export type Waiter = { tenantId?: string; onProgress?: Listener; signal?: AbortSignal }
type Flight<T> = { by: Map<string, number>; tenants: Set<string>; result: Promise<T>; listeners: Set<Listener>; last: ImageProgress | null; waiting: number; abort: AbortController }

/**
 * Work that several callers want at once is done once: they share its result and its progress. One caller's signal
 * ends only that caller's wait; the work itself is aborted when nobody waits for it any more.
 */
export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /** `onJoin` hears when work under way is wanted by one more. */
  constructor(private readonly onJoin: () => void = () => {}) {}

  /** Joins the work under `key`, or begins it; `by` are the tenants that wait for it. Rejects with {@link ImageError} cancelled when `signal` aborts. */
  async join(key: string, { tenantId = '', onProgress, signal }: Waiter, work: (report: Listener, signal: AbortSignal, by: ReadonlySet<string>) => Promise<T>): Promise<T> {
    if (signal?.aborted) throw cancelled()
    const flight = this.#flights.get(key) ?? this.#begin(key, tenantId, work)
    flight.waiting++
    flight.by.set(tenantId, (flight.by.get(tenantId) ?? 0) + 1)
    if (flight.waiting > 1 && !flight.tenants.has(tenantId)) {
      flight.tenants.add(tenantId)
      this.onJoin()
    }
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
      leave(flight, tenantId)
      if (--flight.waiting === 0) {
        // A caller that comes while the aborted work still ends must begin anew, not join what was given up.
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
        flight.abort.abort()
      }
    }
  }

  #begin(key: string, tenantId: string, work: (report: Listener, signal: AbortSignal, by: ReadonlySet<string>) => Promise<T>): Flight<T> {
    const abort = new AbortController()
    const flight: Flight<T> = { by: new Map(), tenants: new Set([tenantId]), result: Promise.reject(cancelled()), listeners: new Set(), last: null, waiting: 0, abort }
    flight.result.catch(() => {})
    const report: Listener = (progress) => {
      flight.last = progress
      for (const listener of flight.listeners) listener(progress)
    }
    flight.result = work(report, abort.signal, flight.tenants).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    flight.result.catch(() => {})
    this.#flights.set(key, flight)
    return flight
  }
}

function leave<T>({ by, tenants }: Flight<T>, tenantId: string): void {
  const left = (by.get(tenantId) ?? 1) - 1
  if (left > 0) return void by.set(tenantId, left)
  by.delete(tenantId)
  tenants.delete(tenantId)
}
