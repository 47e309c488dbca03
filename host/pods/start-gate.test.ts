import { describe, expect, it } from 'vitest'
import { failureBackoff, restartBackoff } from './backoff'
import { StartGate } from './start-gate'
import { UidPool } from './uid-pool'
import { settle } from './testing/fake-clock'

describe('the gate of starts', () => {
  it('lets so many in at once, in their order, and those who gave up not at all', async () => {
    const gate = new StartGate(2)
    const inside: number[] = []
    const leave: (() => void)[] = []
    const givingUp = new AbortController()
    const enter = async (i: number, signal = new AbortController().signal) => {
      leave[i] = await gate.enter(signal)
      inside.push(i)
    }
    void enter(0)
    void enter(1)
    const gaveUp = enter(2, givingUp.signal)
    void enter(3)
    await settle()
    expect(inside).toEqual([0, 1])
    givingUp.abort(new Error('deleted'))
    await expect(gaveUp).rejects.toThrow('deleted')
    leave[0]?.()
    leave[0]?.()
    await settle()
    expect(inside).toEqual([0, 1, 3])
    void enter(4)
    await settle()
    expect(inside).toEqual([0, 1, 3])
    leave[1]?.()
    await settle()
    expect(inside).toEqual([0, 1, 3, 4])
  })

  it('does not let in who is aborted already', async () => {
    await expect(new StartGate(1).enter(AbortSignal.abort(new Error('deleted')))).rejects.toThrow('deleted')
  })
})

describe('back-offs', () => {
  it('of restarts double from 10 s to 300 s after a first restart at once', () => {
    const delays: number[] = []
    for (let next = 0, i = 0; i < 8; i += 1) {
      const step = restartBackoff(next, 1_000)
      delays.push(step.delayMs / 1000)
      next = step.nextMs
    }
    expect(delays).toEqual([0, 10, 20, 40, 80, 160, 300, 300])
    expect(restartBackoff(300_000, 600_000)).toEqual({ delayMs: 0, nextMs: 10_000 })
  })
  it('of failed starts double from 10 s to 300 s', () => expect([1, 2, 3, 6, 100].map(failureBackoff)).toEqual([10_000, 20_000, 40_000, 300_000, 300_000]))
})

it('does a thousand things a few at a time, also where some fail', async () => {
  const gate = new StartGate(8)
  let [now, most, done] = [0, 0, 0]
  await Promise.allSettled(Array.from({ length: 1_000 }, (_, i) => gate.do(async () => {
    most = Math.max(most, (now += 1))
    await Promise.resolve()
    now -= 1
    done += 1
    if (i % 3 === 0) throw new Error('fails')
  })))
  expect([most, done, now]).toEqual([8, 1_000, 0])
})

describe('account numbers', () => {
  it('are one a pod, come back late, and lie in a range of this host', () => {
    const pool = new UidPool('abcde')
    const { first, last } = pool.range
    expect(last - first).toBe(0xffff)
    expect(first).toBeGreaterThanOrEqual(0x7000_0000)
    expect(last).toBeLessThan(0x7fff_ffff)
    pool.reserve(first + 2)
    expect([pool.take(), pool.take()]).toEqual([first + 1, first + 3])
    pool.giveBack(first + 1)
    expect(pool.take()).toBe(first + 4)
    expect(pool.serviceUid).toBe(first)
    expect(new UidPool('abcdf').range.first).not.toBe(first)
  })
  it('run out rather than be shared', () => {
    const pool = new UidPool('x')
    const all = new Set(Array.from({ length: 0xffff }, () => pool.take()))
    expect(all.size).toBe(0xffff)
    expect(all.has(pool.serviceUid)).toBe(false)
    expect(() => pool.take()).toThrow('in use')
    pool.giveBack(pool.range.last)
    expect(pool.take()).toBe(pool.range.last)
  })
})
