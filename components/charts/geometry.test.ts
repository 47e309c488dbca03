import { describe, expect, it } from 'vitest'
import { nearest, niceTicks, plainBands, stackBands, stretches, timeTicks } from './geometry'

describe('a chart', () => {
  it('has few round numbers, up to at least the highest value', () => {
    expect(niceTicks(1)).toEqual([0, 0.5, 1])
    expect(niceTicks(0.23)).toEqual([0, 0.1, 0.2, 0.30000000000000004])
    expect(niceTicks(200 << 20, true)).toEqual([0, 64 << 20, 128 << 20, 192 << 20, 256 << 20])
    for (const max of [0.001, 0.7, 1, 3, 99, 12345, 2 ** 40]) for (const binary of [false, true]) {
      const ticks = niceTicks(max, binary)
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(max * (1 - 1e-9))
      expect(ticks.length).toBeGreaterThanOrEqual(3)
      expect(ticks.length).toBeLessThanOrEqual(6)
    }
    for (const max of [0, NaN, -1]) expect(niceTicks(max)).toEqual([0, 1])
  })

  it('stacks its layers, and shows nothing where nothing was measured', () => {
    const [first, second] = stackBands([[1, null, null], [2, 3, null]], 3)
    expect(first).toEqual([{ base: 0, top: 1 }, { base: 0, top: 0 }, null])
    expect(second).toEqual([{ base: 1, top: 3 }, { base: 0, top: 3 }, null])
    expect(plainBands([[1, null, 2]], 3)[0]).toEqual([{ base: 0, top: 1 }, null, { base: 0, top: 2 }])
  })

  it('breaks its lines at gaps', () => {
    const bands = plainBands([[1, 2, null, 3, 4, 5]], 6)[0]!
    expect(stretches(bands, [false, false, false, false, true, false])).toEqual([[0, 1], [3, 3], [4, 5]])
    expect(stretches([null, null], [false, true])).toEqual([])
  })

  it('finds what is under the pointer', () => {
    expect(nearest([], 5)).toBe(-1)
    expect([-10, 0, 4, 6, 14, 100].map((at) => nearest([0, 10, 20], at))).toEqual([0, 0, 0, 1, 1, 2])
  })

  it('has round times in the reader’s zone', () => {
    const day = Date.parse('2026-11-25T00:00:00Z')
    expect(timeTicks(day + 1, day + 3_600_000, 6, 0).map((at) => (at - day) / 60_000)).toEqual([10, 20, 30, 40, 50, 60])
    expect(timeTicks(day, day + 86_400_000, 4, -90).map((at) => (at - day) / 3_600_000)).toEqual([4.5, 10.5, 16.5, 22.5])
  })
})
