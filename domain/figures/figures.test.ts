import { describe, expect, it } from 'vitest'
import { figureLevels, figureRange, figureRanges } from './levels'
import { binValues, gapsBefore, remainder } from './series'

describe('levels and ranges', () => {
  it('fit each other: a level is a multiple of the finer one and kept longer, and covers the ranges that are read from it', () => {
    for (const [i, level] of figureLevels.entries()) {
      const finer = figureLevels[i - 1]
      if (finer) expect(level.resolution % finer.resolution).toBe(0)
      if (finer) expect(level.keep).toBeGreaterThan(finer.keep)
    }
    for (const range of figureRanges) {
      const { seconds, resolution, step } = figureRange[range]
      const level = figureLevels.find((each) => each.resolution === resolution)
      expect(level?.keep).toBeGreaterThanOrEqual(seconds)
      expect(step % resolution).toBe(0)
      expect(seconds / step).toBeLessThanOrEqual(400)
    }
  })
})

describe('what a bin says', () => {
  const bin = { coveredMs: 20_000, cpuMicroseconds: 5_000_000, cpuPeakMilli: 400, memorySum: 300, memorySamples: 2, memoryMax: 200, readBytes: 40, writtenBytes: 0, receivedBytes: null, sentBytes: 2000, diskUsedMax: 7 }
  it('is means, rates and peaks of the time that it covers', () => {
    expect(binValues(bin)).toEqual({ cpu: 0.25, cpuPeak: 0.4, memoryBytes: 150, memoryPeakBytes: 200, readBytesPerSecond: 2, writtenBytesPerSecond: 0, diskUsedBytes: 7, receivedBytesPerSecond: null, sentBytesPerSecond: 100 })
  })
  it('is nothing where nothing was measured', () => {
    for (const empty of [undefined, { ...bin, coveredMs: 0, memorySamples: 0, memorySum: null, memoryMax: null, cpuPeakMilli: null, diskUsedMax: null }]) expect(Object.values(binValues(empty)).every((value) => value === null)).toBe(true)
  })
  it('has a remainder that is never below nothing', () => {
    expect(remainder(1, [0.25, null, 0.5])).toBe(0.25)
    expect(remainder(1, [2])).toBe(0)
    expect(remainder(null, [1])).toBeNull()
  })
  it('follows a gap after more than one and a half steps; raw intervals may be late', () => {
    expect(gapsBefore([0, 10_000, 33_000, 60_000], 10)).toEqual([false, false, false, true])
    expect(gapsBefore([0, 60_000, 180_000], 60)).toEqual([false, false, true])
  })
})
