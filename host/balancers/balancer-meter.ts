import type { BalancerFigures } from '@/contracts/host/v1/figures'
import { nothing, type PartCounters } from './ports'

/** The contract's bound of what may grow in one interval. */
const mostGrown = 2 ** 44
const names = ['connections', 'requests', 'errors4xx', 'errors5xx', 'failed', 'receivedBytes', 'sentBytes'] as const

/** Of a balancer, as last read. */
type Read = { at: number; parts: ReadonlyMap<string, PartCounters> }

/**
 * Makes figures of intervals from counters. Those that went back are of a HAProxy that began anew and counts from nothing, so figures never jump. A part that came since the reading
 * before began at 0; what grew while a balancer did not answer is in the interval that ends with its next answer.
 */
export class BalancerMeter {
  private lastAt: number | null = null
  private before: ReadonlyMap<string, Read> = new Map()

  /** `at` is in milliseconds of a clock that only goes forward; `counted` has all balancers by uid, null for one that did not answer. None of the first reading: it is where the first interval begins. */
  figures(at: number, counted: ReadonlyMap<string, readonly PartCounters[] | null>): (Omit<BalancerFigures, 'ageMs'> & { at: number })[] {
    const { before, lastAt } = this
    this.lastAt = at
    this.before = new Map([...counted].flatMap(([uid, parts]) => {
      const read = parts ? { at, parts: new Map(parts.map((one) => [one.part, one])) } : before.get(uid)
      return read ? [[uid, read] as const] : []
    }))
    if (lastAt === null) return []
    return [...counted].flatMap(([uid, parts]) => (parts ?? []).map((counters) => {
      const known = before.get(uid)
      const intervalMs = Math.min(120_000, Math.max(1, Math.round(at - (known?.at ?? lastAt))))
      return { balancerUid: uid, at, intervalMs, ...grownSince(known?.parts.get(counters.part) ?? nothing, counters) }
    }))
  }
}

function grownSince(last: PartCounters, now: PartCounters): Omit<BalancerFigures, 'ageMs' | 'intervalMs' | 'balancerUid'> {
  const from = names.some((name) => now[name] < last[name]) ? nothing : last
  const grown = (name: (typeof names)[number]) => Math.min(mostGrown, Math.max(0, now[name] - from[name]))
  return {
    part: now.part, connections: grown('connections'), requests: grown('requests'), errors4xx: grown('errors4xx'), errors5xx: grown('errors5xx'), failed: grown('failed'), receivedBytes: grown('receivedBytes'), sentBytes: grown('sentBytes'),
    latency: now.latency?.map((count, at) => Math.min(mostGrown, Math.max(0, count - (from.latency?.[at] ?? 0)))) ?? null,
    activeConnections: Math.min(2 ** 31, now.activeConnections),
  }
}
