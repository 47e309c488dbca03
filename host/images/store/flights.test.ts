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

describe('Flights of several tenants', () => {
  it('tell in whose name they are, as tenants come and go', async () => {
    let joined = 0
    const flights = new Flights<string>(() => (joined += 1))
    const { finish } = work()
    let by: ReadonlySet<string> = new Set()
    let end: (value: string) => void = finish
    const begin = (_: Listener, __: AbortSignal, tenants: ReadonlySet<string>) => {
      by = tenants
      return new Promise<string>((resolve) => (end = resolve))
    }
    const leave = new AbortController()
    const all = [flights.join('k', { tenantId: 'a', signal: leave.signal }, begin), flights.join('k', { tenantId: 'b' }, begin), flights.join('k', { tenantId: 'b' }, begin)]
    expect([[...by], joined]).toEqual([['a', 'b'], 1])
    leave.abort()
    await expect(all[0]).rejects.toMatchObject({ code: 'cancelled' })
    expect([...by]).toEqual(['b'])
    end('done')
    expect(await Promise.all(all.slice(1))).toEqual(['done', 'done'])
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
      slots.run({ by: new Set(['a']), signal }, () => {
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
    await slots.run({ by: new Set(['a']), signal: none }, async () => {})
  })

  it('are shared fairly: what one tenant asks for is not what others wait for', async () => {
    const slots = new Slots(3, 2)
    const signal = new AbortController().signal
    const began: string[] = []
    const ends = new Map<string, () => void>()
    const job = (name: string, by: ReadonlySet<string>) => slots.run({ by, signal }, () => {
      began.push(name)
      return new Promise<void>((resolve) => ends.set(name, resolve))
    })
    const [greedy, modest] = [new Set(['greedy']), new Set(['modest'])]
    const shared = new Set(['greedy'])
    const jobs = [...[1, 2, 3, 4].map((i) => job(`greedy ${i}`, greedy)), job('shared', shared)]
    await expect.poll(() => began).toEqual(['greedy 1', 'greedy 2'])
    // The third place is free, and not greedy's. Somebody else waits for the last of its wishes too: now it begins.
    shared.add('other')
    slots.look()
    jobs.push(job('modest 1', modest), job('modest 2', modest))
    await expect.poll(() => began).toEqual(['greedy 1', 'greedy 2', 'shared'])
    ends.get('greedy 1')?.()
    await expect.poll(() => began.at(-1)).toBe('modest 1')
    ends.get('shared')?.()
    await expect.poll(() => began.at(-1)).toBe('greedy 3')
    for (const left of ['greedy 2', 'modest 1', 'greedy 3', 'modest 2', 'greedy 4']) {
      await expect.poll(() => ends.has(left)).toBe(true)
      ends.get(left)?.()
    }
    await Promise.all(jobs)
    expect(began).toHaveLength(7)
  })
})
