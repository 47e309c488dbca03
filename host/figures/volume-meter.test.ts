import { expect, it } from 'vitest'
import { figuresInput } from '@/contracts/host/v1/figures'
import { VolumeMeter, type VolumeCounted } from './volume-meter'

const volumeUid = '00000000-0000-4000-8000-000000000001'
/** `pluggedMs` null: an earlier run of the agent plugged it in. */
const has = (podUid: string, reads: number, over: Partial<VolumeCounted['counters']> = {}, pluggedMs: number | null = null): VolumeCounted => ({ volumeUid, podUid, storedBytes: 4096, pluggedMs, counters: { readBytes: reads * 512, writtenBytes: 0, readOperations: reads, writeOperations: 0, readMicroseconds: reads * 10, writeMicroseconds: 0, ...over } })

it('makes figures of intervals, of all pods that have a volume together', () => {
  const meter = new VolumeMeter()
  expect(meter.figures(0, [has('a', 100)])).toEqual([])
  const [one] = meter.figures(10_000, [has('a', 130), has('b', 7)])
  // What b did before it was first read may be its whole life in an earlier run of the agent, which is not of this interval.
  expect(one).toEqual({ volumeUid, at: 10_000, intervalMs: 10_000, readBytes: 30 * 512, writtenBytes: 0, readOperations: 30, writeOperations: 0, readMicroseconds: 300, writeMicroseconds: 0, storedBytes: 4096 })
  // The pod was started anew, and its disk counts from nothing.
  expect(meter.figures(20_000, [has('a', 5), has('b', 9)])).toMatchObject([{ readOperations: 7 }])
  expect(meter.figures(30_000, [])).toEqual([])
})

it('counts all that a disk did since it was plugged in, also before it was read first', () => {
  const meter = new VolumeMeter()
  expect(meter.figures(100_000, [has('a', 50, {}, 4_000)])).toMatchObject([{ readOperations: 50, intervalMs: 4_000 }])
  expect(meter.figures(110_000, [has('a', 80, {}, 14_000)])).toMatchObject([{ readOperations: 30, intervalMs: 10_000 }])
  // It was taken out and plugged in again since, and did more in that time than in all the time before.
  expect(meter.figures(120_000, [has('a', 90, {}, 7_000)])).toMatchObject([{ readOperations: 90, intervalMs: 7_000 }])
  // Two of them: the interval is the longer one's.
  expect(meter.figures(130_000, [has('a', 95, {}, 17_000), has('b', 3, {}, 2_000)])).toMatchObject([{ readOperations: 8, intervalMs: 10_000 }])
})

it('counts a virtual machine that did not answer for a while from where it was', () => {
  const meter = new VolumeMeter()
  meter.figures(0, [has('a', 100)])
  expect(meter.figures(10_000, [])).toEqual([])
  expect(meter.figures(20_000, [has('a', 130)])).toMatchObject([{ readOperations: 30, intervalMs: 20_000 }])
})

it('never says more than the contract takes', () => {
  const meter = new VolumeMeter()
  meter.figures(0, [has('a', 0)])
  const [{ at: _, ...huge } = { at: 0 }] = meter.figures(10_000, [{ ...has('a', 1, { readBytes: 2 ** 50 }), storedBytes: 2 ** 60 }])
  const input = { bootId: volumeUid, host: null, pods: [], volumes: [{ ...huge, ageMs: 0 }] }
  expect(figuresInput.safeParse(input).error?.issues ?? []).toEqual([])
})
