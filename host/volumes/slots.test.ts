import { expect, it } from 'vitest'
import { Slots } from './slots'

it('runs so many at a time, in their order, and not those that gave up before their turn', async () => {
  const slots = new Slots(2)
  const began: number[] = []
  const ends: (() => void)[] = []
  const start = (n: number, signal?: AbortSignal) => slots.do(() => {
    began.push(n)
    return new Promise<number>((resolve) => (ends[n] = () => resolve(n)))
  }, signal)
  const giveUp = new AbortController()
  const [first, second, third, fourth] = [start(0), start(1), start(2, giveUp.signal), start(3)]
  expect(began).toEqual([0, 1])
  giveUp.abort(new Error('not wanted any more'))
  await expect(third).rejects.toThrow('not wanted any more')
  await expect(start(4, giveUp.signal)).rejects.toThrow('not wanted any more')
  ends[1]?.()
  expect(await second).toBe(1)
  await Promise.resolve()
  expect(began).toEqual([0, 1, 3])
  ends[0]?.()
  ends[3]?.()
  expect(await Promise.all([first, fourth])).toEqual([0, 3])
  await expect(slots.do(() => Promise.reject(new Error('it failed')))).rejects.toThrow('it failed')
  const last = [start(5), start(6)]
  expect(began.slice(3)).toEqual([5, 6])
  ends[5]?.()
  ends[6]?.()
  await Promise.all(last)
})
