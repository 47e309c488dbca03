import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keepCollecting } from './keep-collecting'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('a disk that fails is told, and images are compared again', async () => {
  const errors: unknown[] = []
  let calls = 0
  const fail = () => {
    calls += 1
    return Promise.reject(new Error('EIO'))
  }
  const end = keepCollecting({ collect: fail }, { error: (fields: unknown) => void errors.push(fields) }, 1_000)
  await vi.advanceTimersByTimeAsync(2_500)
  end()
  await vi.advanceTimersByTimeAsync(5_000)
  expect([calls, errors]).toEqual([2, [{ err: new Error('EIO') }, { err: new Error('EIO') }]])
})
