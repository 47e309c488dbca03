import { afterEach, expect, it, vi } from 'vitest'
import { LabelWakes } from './label-wakes'

afterEach(() => vi.useRealTimers())

it('the first change of labels is told at once, and those of the next while together, of each network by itself', () => {
  vi.useFakeTimers()
  const told: string[] = []
  const wakes = new LabelWakes((networkId, hostId) => told.push(`${networkId} ${hostId}`), 100)
  wakes.wake('n', ['h1', 'h2'])
  for (let i = 0; i < 50; i += 1) wakes.wake('n', ['h1'])
  wakes.wake('other', ['h1'])
  wakes.wake('n', ['h2'])
  expect(told).toEqual(['n h1', 'n h2', 'other h1'])
  vi.advanceTimersByTime(99)
  expect(told).toHaveLength(3)
  vi.advanceTimersByTime(1)
  expect(told.slice(3)).toEqual(['n h1', 'n h2'])
  // Still within a while of what was told.
  wakes.wake('n', ['h1'])
  expect(told).toHaveLength(5)
  vi.advanceTimersByTime(100)
  expect(told.slice(5)).toEqual(['n h1'])
  vi.advanceTimersByTime(1_000)
  wakes.wake('n', ['h1'])
  expect(told).toHaveLength(7)
  wakes.wake('n', ['h1'])
  wakes.close()
  vi.advanceTimersByTime(1_000)
  expect(told).toHaveLength(7)
})
