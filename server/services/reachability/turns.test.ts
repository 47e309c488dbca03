import { expect, it } from 'vitest'
import { Turns } from './turns'

it('one tenant’s questions are answered one after another, no other waits for them, and too many are refused', async () => {
  const turns = new Turns()
  const done: string[] = []
  let release = () => {}
  const first = turns.take('a', () => new Promise<void>((resolve) => (release = resolve)))
  const rest = Array.from({ length: 20 }, (_, i) => turns.take('a', async () => {
    done.push(`a${i}`)
    if (i === 3) throw new Error('no answer')
  }))
  await expect(turns.take('a', async () => {})).rejects.toThrow('ask again')
  await turns.take('b', async () => void done.push('b'))
  expect(done).toEqual(['b'])
  release()
  await first
  expect((await Promise.allSettled(rest)).filter(({ status }) => status === 'rejected')).toHaveLength(1)
  expect(done).toEqual(['b', ...rest.map((_, i) => `a${i}`)])
})
