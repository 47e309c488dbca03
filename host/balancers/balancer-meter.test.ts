import { describe, expect, it } from 'vitest'
import { BalancerMeter } from './balancer-meter'
import type { PartCounters } from './ports'

const counters = (fields: Partial<PartCounters> = {}): PartCounters[] => [{ part: '', connections: 0, requests: 0, errors4xx: 0, errors5xx: 0, failed: 0, receivedBytes: 0, sentBytes: 0, latency: [0, 0, 0, 0, 0, 0, 0, 0, 0], activeConnections: 0, ...fields }]
const of = (...all: [string, PartCounters[] | null][]) => new Map(all)

describe('figures of balancers', () => {
  it('are what grew between two readings, and count from nothing where HAProxy began anew', () => {
    const meter = new BalancerMeter()
    expect(meter.figures(0, of(['x', counters({ requests: 10 })]))).toEqual([])
    expect(meter.figures(10_000, of(['x', counters({ requests: 15, latency: [3, 2, 0, 0, 0, 0, 0, 0, 0], activeConnections: 4 })]))).toMatchObject([{ balancerUid: 'x', part: '', intervalMs: 10_000, requests: 5, latency: [3, 2, 0, 0, 0, 0, 0, 0, 0], activeConnections: 4 }])
    expect(meter.figures(20_000, of(['x', counters({ requests: 3, latency: [1, 0, 0, 0, 0, 0, 0, 0, 0] })], ['y', counters({ requests: 2 })]))).toMatchObject([{ requests: 3, latency: [1, 0, 0, 0, 0, 0, 0, 0, 0] }, { requests: 2 }])
  })

  it('count nothing twice where a balancer did not answer: the next answer has the longer interval', () => {
    const meter = new BalancerMeter()
    meter.figures(0, of(['x', counters({ requests: 100 })]))
    expect(meter.figures(10_000, of(['x', null]))).toEqual([])
    expect(meter.figures(20_000, of(['x', null]))).toEqual([])
    expect(meter.figures(30_000, of(['x', counters({ requests: 107 })]))).toMatchObject([{ requests: 7, intervalMs: 30_000 }])
    // One that went is forgotten: another begins with nothing.
    meter.figures(40_000, of())
    expect(meter.figures(50_000, of(['x', counters({ requests: 5 })]))).toMatchObject([{ requests: 5, intervalMs: 10_000 }])
  })

  it('are never below nothing, whatever a HAProxy says that was broken into', () => {
    const meter = new BalancerMeter()
    meter.figures(0, of(['x', counters()]))
    expect(meter.figures(10_000, of(['x', counters({ requests: -4, latency: [-1, 0, 0, 0, 0, 0, 0, 0, 0] })]))).toMatchObject([{ requests: 0, latency: [0, 0, 0, 0, 0, 0, 0, 0, 0] }])
  })
})
