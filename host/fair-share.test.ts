import { expect, it } from 'vitest'
import { FairShare } from './fair-share'

it('lets a source go on that pauses as told, at a quarter of the thread, and never pauses one that asks for little', () => {
  let now = 0
  const greedy = new FairShare(() => now)
  let [worked, paused] = [0, 0]
  while (now < 100_000) {
    now += 10
    worked += 10
    const pause = greedy.spent(10)
    now += pause
    paused += pause
  }
  expect(worked / (worked + paused)).toBeGreaterThan(0.2)
  expect(worked / (worked + paused)).toBeLessThan(0.26)

  const modest = new FairShare(() => now)
  for (let round = 0; round < 1000; round += 1) {
    now += 10
    expect(modest.spent(2)).toBe(0)
  }
})

it('pauses for a bounded time, however long one thing took', () => {
  const fair = new FairShare(() => 0)
  expect(fair.spent(60_000)).toBe(2000)
})
