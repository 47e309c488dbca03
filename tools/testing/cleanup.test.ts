import { describe, expect, it } from 'vitest'
import { Cleanup, endEach } from './cleanup'

const forever = new Promise<never>(() => {})
const failing = (message: string) => () => Promise.reject(new Error(message))

describe('ends', () => {
  it('are each tried, and what failed is told at last', async () => {
    const done: string[] = []
    const ends = [
      { what: 'one', end: failing('no') },
      { what: 'two', end: () => void done.push('two') },
      { what: 'three', end: () => forever, withinMs: 1 },
      { what: 'four', end: () => { throw new Error('never') } },
      { what: 'five', end: async () => void done.push('five') },
    ]
    await expect(endEach(ends)).rejects.toThrow(/^one could not be ended: no\nthree could not be ended: it did not come to its end within 1 ms\nfour could not be ended: never$/)
    expect(done).toEqual(['two', 'five'])
  })

  it('that fail alone say why', async () => {
    await expect(endEach([{ what: 'one', end: failing('no') }])).rejects.toMatchObject({ message: 'one could not be ended: no', cause: { message: 'no' } })
    await expect(endEach([])).resolves.toBeUndefined()
  })
})

describe('what a test opened', () => {
  it('is ended from the last to the first, also where another one could not be opened', async () => {
    const [cleanup, ended] = [new Cleanup(), [] as string[]]
    const opened = Promise.all([
      cleanup.open('slow', new Promise<string>((resolve) => setTimeout(() => resolve('slow'), 20)), (part) => ended.push(part)),
      cleanup.open('broken', Promise.reject<string>(new Error('broken')), (part) => ended.push(part)),
    ])
    cleanup.add('more', () => ended.push('more'))
    await expect(opened).rejects.toThrow('broken')
    await cleanup.run()
    expect(ended).toEqual(['more', 'slow'])
    await cleanup.run()
    expect(ended).toHaveLength(2)
  })

  it('after its end is ended at once', async () => {
    const [cleanup, ended] = [new Cleanup(), [] as string[]]
    await cleanup.run()
    await expect(cleanup.open('late', Promise.resolve('late'), (part) => ended.push(part))).rejects.toThrow("late was opened after the test's end")
    expect(ended).toEqual(['late'])
    expect(() => cleanup.add('late', () => {})).toThrow("late was begun after the test's end")
  })
})
