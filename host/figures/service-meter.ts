import type { ServiceFigures } from '@/contracts/host/v1/figures'

/** Counters of a service that only grow, until they begin again at 0. Bytes and connections. */
export type ServiceCounters = { receivedBytes: number; sentBytes: number; connections: number }

/** The contract's bound of what may grow in one interval. */
const mostGrown = 2 ** 44
const nothing: ServiceCounters = { receivedBytes: 0, sentBytes: 0, connections: 0 }

/**
 * Makes figures of intervals from counters. One that went back was loaded anew and counts from nothing, so figures never jump; what it had
 * grown by before is lost. A service that came since the reading before began at 0.
 */
export class ServiceMeter {
  private before: { at: number; counters: ReadonlyMap<string, ServiceCounters> } | null = null

  /** `at` is in milliseconds of a clock that only goes forward. None of the first reading: it is where the first interval begins. */
  figures(at: number, counters: ReadonlyMap<string, ServiceCounters>): (Omit<ServiceFigures, 'ageMs'> & { at: number })[] {
    const { before } = this
    this.before = { at, counters }
    if (!before) return []
    const intervalMs = Math.min(120_000, Math.max(1, Math.round(at - before.at)))
    return [...counters].map(([serviceUid, now]) => {
      const last = before.counters.get(serviceUid) ?? nothing
      const isAnew = now.receivedBytes < last.receivedBytes || now.sentBytes < last.sentBytes || now.connections < last.connections
      const grown = (name: keyof ServiceCounters) => Math.min(mostGrown, isAnew ? now[name] : now[name] - last[name])
      return { serviceUid, at, intervalMs, receivedBytes: grown('receivedBytes'), sentBytes: grown('sentBytes'), connections: grown('connections') }
    })
  }
}
