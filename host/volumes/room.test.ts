import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { RoomGauge, type Room } from './room'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const room: Room = { totalBytes: 2, freeBytes: 1 }

it('asks a store once for all who want to know, and again once the answer is old', async () => {
  const ask = vi.fn(() => Promise.resolve(room))
  const gauge = new RoomGauge('fast', ask)
  expect(await Promise.all(Array.from({ length: 100 }, () => gauge.read(5_000)))).toEqual(Array.from({ length: 100 }, () => room))
  await vi.advanceTimersByTimeAsync(4_999)
  await gauge.read(5_000)
  expect(ask).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(1)
  ask.mockRejectedValueOnce(new Error('it is full of holes'))
  await expect(gauge.read(5_000)).rejects.toThrow('it is full of holes')
  await expect(gauge.read(5_000)).rejects.toThrow('it is full of holes')
  expect(ask).toHaveBeenCalledTimes(2)
})

it('says at once that a store is silent, and holds nothing more up for it, until it answers', async () => {
  let answer: (room: Room) => void = () => {}
  const ask = vi.fn(() => new Promise<Room>((resolve) => (answer = resolve)))
  const gauge = new RoomGauge('away', ask)
  const first = expect(gauge.read()).rejects.toMatchObject({ code: 'Unreachable', object: 'away' })
  expect(gauge.isSilent).toBe(false)
  // By its timer, which may be ahead of the clock: this one stands.
  await first
  for (let i = 0; i < 10; i += 1) await expect(gauge.read()).rejects.toThrow('The store away does not answer')
  expect([gauge.isSilent, ask.mock.calls.length]).toEqual([true, 1])
  answer(room)
  await vi.advanceTimersByTimeAsync(0)
  expect([gauge.isSilent, await gauge.read(1_000)]).toEqual([false, room])
})

it('knows whether a store was full, asks again where that is old, and takes one that does not answer for what it was', async () => {
  let free = 0
  const ask = vi.fn(() => Promise.resolve({ totalBytes: 2, freeBytes: free }))
  const gauge = new RoomGauge('full', ask)
  expect(gauge.wasFull).toBe(false)
  expect([await gauge.isFull(5_000), gauge.wasFull]).toEqual([true, true])
  free = 1
  expect([await gauge.isFull(5_000), ask.mock.calls.length]).toEqual([true, 1])
  await vi.advanceTimersByTimeAsync(5_000)
  ask.mockRejectedValueOnce(new Error('it is away'))
  expect([await gauge.isFull(5_000), gauge.wasFull]).toEqual([true, true])
  expect([await gauge.isFull(0), gauge.wasFull]).toEqual([false, false])
})
