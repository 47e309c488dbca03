import { describe, expect, it, vi } from 'vitest'
import { WorkQueue } from './work-queue'

const tick = () => new Promise((resolve) => setImmediate(resolve))

describe('WorkQueue', () => {
  it('works on a key by one worker at a time and once more when it was added meanwhile', async () => {
    let release: () => void = () => {}
    const runs: string[] = []
    const queue = new WorkQueue(async (key) => {
      runs.push(key)
      await new Promise<void>((resolve) => (release = resolve))
    }, { workers: 4, onError: () => {} })
    queue.add('a')
    await tick()
    queue.add('a')
    queue.add('a')
    await tick()
    expect(runs).toEqual(['a'])
    release()
    await tick()
    expect(runs).toEqual(['a', 'a'])
    release()
    await queue.close()
    expect(runs).toEqual(['a', 'a'])
  })
  it('comes back after a failure, with a backoff, and tells it in one place', async () => {
    const errors: string[] = []
    let left = 2
    const queue = new WorkQueue(() => (left-- > 0 ? Promise.reject(new Error('no')) : Promise.resolve()), { workers: 1, onError: (key) => errors.push(key), backoff: () => 1 })
    queue.add('a')
    await vi.waitFor(() => expect(left).toBe(-1), { timeout: 20_000 })
    expect(errors).toEqual(['a', 'a'])
    await queue.close()
  })
  it('does not start more workers than it may', async () => {
    let active = 0
    let most = 0
    const queue = new WorkQueue(async () => {
      most = Math.max(most, ++active)
      await tick()
      active--
    }, { workers: 2, onError: () => {} })
    for (const key of 'abcdefgh') queue.add(key)
    await vi.waitFor(() => expect(active).toBe(0), { timeout: 20_000 })
    expect(most).toBe(2)
    await queue.close()
  })
})
