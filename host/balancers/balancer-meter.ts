import type { BalancerFigures } from '@/contracts/host/v1'
import { nothing, type PartCounters } from './ports'

/** The contract's bound of what may grow in one interval. */
const mostGrown = 2 ** 44
const names = ['connections', 'requests', 'errors4xx', 'errors5xx', 'failed', 'receivedBytes', 'sentBytes'] as const

type Counted = { uid: string; counters: PartCounters }

/**
 * Makes figures of intervals from counters. Those that went back are of a HAProxy that began anew and counts from nothing, so figures never jump. A part that came since the reading
 * before began at 0.
 */
export class BalancerMeter {
  private before: { at: number; parts: ReadonlyMap<string, PartCounters> } | null = null

  /** `at` is in milliseconds of a clock that only goes forward. None of the first reading: it is where the first interval begins. */
  figures(at: number, counted: readonly Counted[]): (Omit<BalancerFigures, 'ageMs'> & { at: number })[] {
    const { before } = this
    this.before = { at, parts: new Map(counted.map(({ uid, counters }) => [`${uid} ${counters.part}`, counters])) }
    if (!before) return []
    const intervalMs = Math.min(120_000, Math.max(1, Math.round(at - before.at)))
    return counted.map(({ uid, counters }) => ({ balancerUid: uid, at, intervalMs, ...grownSince(before.parts.get(`${uid} ${counters.part}`) ?? nothing, counters) }))
  }
}

function grownSince(last: PartCounters, now: PartCounters): Omit<BalancerFigures, 'ageMs' | 'intervalMs' | 'balancerUid'> {
  const from = names.some((name) => now[name] < last[name]) ? nothing : last
  const grown = (name: (typeof names)[number]) => Math.min(mostGrown, now[name] - from[name])
  return {
    part: now.part, connections: grown('connections'), requests: grown('requests'), errors4xx: grown('errors4xx'), errors5xx: grown('errors5xx'), failed: grown('failed'), receivedBytes: grown('receivedBytes'), sentBytes: grown('sentBytes'),
    latency: now.latency?.map((count, at) => Math.min(mostGrown, Math.max(0, count - (from.latency?.[at] ?? 0)))) ?? null,
    activeConnections: Math.min(2 ** 31, now.activeConnections),
  }
}
