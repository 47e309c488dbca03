import { describe, expect, it } from 'vitest'
import { Flights } from './flights'
import type { ImageProgress, Listener } from './progress'
import { Slots } from './slots'

/** Work that ends when the test says so. */
function work() {
  let finish: (value: string) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const runs: { report: Listener; signal: AbortSignal }[] = []
  const begin = (report: Listener, signal: AbortSignal) => {
    runs.push({ report, signal })
    return new Promise<string>((resolve, reject) => {
      finish = resolve
      fail = reject
    })
  }
  return { begin, runs, finish: (value: string) => finish(value), fail: (error: Error) => fail(error) }
}

describe('Flights', () => {
  it('runs once for all and tells a late one how far it is', async () => {
    const flights = new Flights<string>()
    const { begin, runs, finish } = work()
    const heard: ImageProgress[] = []
    const first = flights.join('k', {}, begin)
    runs[0]?.report({ phase: 'pulling', bytesDone: 1 })
    const second = flights.join('k', { onProgress: (progress) => heard.push(progress) }, begin)
    runs[0]?.report({ phase: 'merging' })
    finish('done')
    expect(await Promise.all([first, second])).toEqual(['done', 'done'])
    expect(runs).toHaveLength(1)
    expect(heard).toEqual([{ phase: 'pulling', bytesDone: 1 }, { phase: 'merging' }])
  })

  it('fails for all, and begins anew after', async () => {
    const flights = new Flights<string>()
    const { begin, runs, fail, finish } = work()
    const both = [flights.join('k', {}, begin), flights.join('k', {}, begin)]
    fail(new Error('no'))
    for (const { status } of await Promise.allSettled(both)) expect(status).toBe('rejected')
    const again = flights.join('k', {}, begin)
    finish('yes')
    expect(await again).toBe('yes')
    expect(runs).toHaveLength(2)
  })

  it('is aborted with its last waiter only; who comes then begins anew', async () => {
    const flights = new Flights<string>()
    const { begin, runs, finish } = work()
    const [one, two] = [new AbortController(), new AbortController()]
    const waits = [one, two].map(({ signal }) => flights.join('k', { signal }, begin))
    const outcomes = Promise.allSettled(waits)
    one.abort()
    await expect(waits[0]).rejects.toMatchObject({ code: 'cancelled' })
    expect(runs[0]?.signal.aborted).toBe(false)
    two.abort()
    await outcomes
    expect(runs[0]?.signal.aborted).toBe(true)
    const later = flights.join('k', {}, begin)
    finish('later')
    expect(await later).toBe('later')
    await expect(flights.join('k', { signal: one.signal }, begin)).rejects.toMatchObject({ code: 'cancelled' })
    expect(runs).toHaveLength(2)
  })
})

describe('Slots', () => {
  it('bounds what runs at a time, in order, and lets the waiting leave', async () => {
    const slots = new Slots(2)
    const none = new AbortController().signal
    const leave = new AbortController()
    const began: number[] = []
    const ends: (() => void)[] = []
    const job = (i: number, signal = none) =>
      slots.run(signal, () => {
        began.push(i)
        return new Promise<void>((resolve) => ends.push(resolve))
      })
    const jobs = [job(0), job(1), job(2, leave.signal), job(3)]
    await expect.poll(() => began).toEqual([0, 1])
    leave.abort()
    await expect(jobs[2]).rejects.toMatchObject({ code: 'cancelled' })
    ends[0]?.()
    await expect.poll(() => began).toEqual([0, 1, 3])
    ends.forEach((end) => end())
    await Promise.all([jobs[0], jobs[1], jobs[3]])
    await slots.run(none, async () => {})
  })
})
