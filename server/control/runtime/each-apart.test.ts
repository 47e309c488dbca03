import { expect, it } from 'vitest'
import { eachApart } from './each-apart'

it('does it for all, and says at the end what failed', async () => {
  const done: number[] = []
  const work = async (n: number) => {
    if (n % 2 === 0) throw new Error(`no ${n}`)
    done.push(n)
  }
  await expect(eachApart([1, 2, 3], work)).rejects.toThrow('no 2')
  await expect(eachApart([1, 2, 3, 4], work, 3)).rejects.toThrow('2 of 4 failed')
  await eachApart([5], work)
  expect(done).toEqual([1, 3, 1, 3, 5])
})
