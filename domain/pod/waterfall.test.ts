import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { startParts, startWaterfall, type StartFacts } from './waterfall'

const t0 = Date.parse('2026-11-25T12:00:00.000Z')
const iso = (ms: number) => new Date(t0 + ms).toISOString()
const step = (name: string, from: number, ms: number | null) => ({ name, startedAt: iso(from), ms })
const facts = (over: Partial<StartFacts>): StartFacts => ({ createdAt: t0, boundAt: t0 + 20, steps: [], startedAt: t0 + 1000, toldAt: t0 + 1050, ...over })
const sum = (parts: Record<string, number>) => Object.values(parts).reduce((a, b) => a + b, 0)

describe('the waterfall of a start', () => {
  it('counts steps side by side as the one that was waited for', () => {
    const { parts, wholeMs, spans, shiftMs } = startWaterfall(facts({
      steps: [step('image', 50, 10), step('network', 50, 300), step('disks', 50, 80), step('template', 50, 5), step('vm', 350, 200), step('guest', 550, 150), step('containers', 700, null)],
    }))
    expect(parts).toEqual({ queued: 20, scheduled: 30, image: 0, network: 300, disks: 0, vm: 200, guest: 150, container: 300 })
    expect(wholeMs).toBe(1000)
    expect(shiftMs).toBe(0)
    expect(spans.map((span) => span.part)).toEqual(['queued', 'scheduled', 'network', 'vm', 'guest', 'container'])
  })

  it('tells the wait for a turn on the host as queued', () => {
    const { parts } = startWaterfall(facts({ steps: [step('image', 30, 70), step('network', 30, 20), step('vm', 600, 200), step('guest', 800, 100), step('containers', 900, 150)] }))
    expect(parts).toMatchObject({ queued: 20 + 500, scheduled: 10, image: 70, vm: 200, guest: 100, container: 100 })
  })

  it('counts from the host where the pod had started before', () => {
    const { parts, wholeMs, beganAt } = startWaterfall(facts({ createdAt: null, boundAt: null, steps: [step('image', 400, 1), step('network', 400, 100), step('vm', 500, 300), step('guest', 800, 100)] }))
    expect(beganAt).toBe(t0 + 400)
    expect(parts).toMatchObject({ queued: 0, scheduled: 0, network: 100, vm: 300, guest: 100, container: 100 })
    expect(wholeMs).toBe(600)
  })

  it('moves the times of a host whose clock is behind to after the binding, and of one ahead to before it was told', () => {
    const steps = (by: number) => [step('image', 50 + by, 250), step('vm', 300 + by, 500), step('guest', 800 + by, 200)]
    const behind = startWaterfall(facts({ steps: steps(-60_000), startedAt: t0 + 1000 - 60_000 }))
    expect(behind).toMatchObject({ wholeMs: 970, shiftMs: 59_970, parts: { queued: 20, scheduled: 0, image: 250, vm: 500, guest: 200 } })
    const ahead = startWaterfall(facts({ steps: steps(60_000), startedAt: t0 + 1000 + 60_000 }))
    expect(ahead).toMatchObject({ wholeMs: 1050, shiftMs: -59_950, parts: { queued: 20, scheduled: 80, image: 250, vm: 500, guest: 200 } })
  })

  it('is all there with no step at all', () => {
    expect(startWaterfall(facts({ steps: [] }))).toMatchObject({ wholeMs: 1000, parts: { queued: 20, scheduled: 980 } })
  })

  it('adds up exactly, with no part below nothing, whatever clocks and steps say', () => {
    const time = fc.integer({ min: -100_000, max: 100_000 })
    const name = fc.constantFrom('image', 'network', 'disks', 'template', 'vm', 'guest', 'containers', 'init-db', 'x')
    const steps = fc.array(fc.record({ name, startedAt: fc.oneof(time.map(iso), fc.constant('never')), ms: fc.oneof(fc.constant(null), fc.double({ min: 0, max: 50_000, noNaN: true })) }), { maxLength: 60 })
    fc.assert(fc.property(fc.record({ createdAt: fc.option(time), boundAt: fc.option(time), steps, startedAt: time, toldAt: time }), (given) => {
      const at = (ms: number | null) => (ms === null ? null : t0 + ms)
      const result = startWaterfall({ createdAt: at(given.createdAt), boundAt: at(given.boundAt), steps: given.steps, startedAt: t0 + given.startedAt, toldAt: t0 + given.toldAt })
      expect(result.wholeMs).toBeGreaterThanOrEqual(0)
      for (const part of startParts) expect(result.parts[part]).toBeGreaterThanOrEqual(0)
      expect(sum(result.parts)).toBe(result.wholeMs)
      let at0 = 0
      for (const span of result.spans) {
        expect(span.at).toBe(at0)
        expect(span.ms).toBeGreaterThan(0)
        at0 += span.ms
      }
      expect(at0).toBe(result.wholeMs)
      for (const value of [result.wholeMs, ...Object.values(result.parts)]) expect(Number.isInteger(value)).toBe(true)
    }), { numRuns: 500 })
  })
})
