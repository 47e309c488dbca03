import { expect, it } from 'vitest'
import { FakeClock, settle } from '@/host/pods/testing/fake-clock'
import { Tidying } from './tidying'

function tidying(outcomes: boolean[]) {
  const clock = new FakeClock()
  const closing = new AbortController()
  let [runs, isOver] = [0, false]
  const work = async (): Promise<void> => {
    runs += 1
    if (!(outcomes.shift() ?? true)) throw new Error('no room')
  }
  return { clock, closing, runs: () => runs, end: () => (isOver = true), tidying: new Tidying({ volumeUid: 'v', work, isOver: () => isOver, clock, log: { warn: () => {} }, signal: closing.signal }) }
}

it('what could not be merged is tried again, less and less often, and at once where something more is to be merged', async () => {
  const at = tidying([false, false, true])
  const done = at.tidying.now()
  await settle()
  await at.clock.advance(60_000)
  await at.clock.advance(60_000)
  expect(at.runs()).toBe(2)
  void at.tidying.now()
  await done
  expect(at.runs()).toBe(3)
  await at.clock.advance(7_200_000)
  expect(at.runs()).toBe(3)
})

it('what an earlier run of the agent has left is merged some time after the start, once', async () => {
  const at = tidying([])
  at.tidying.soon()
  await at.clock.advance(59_000)
  expect(at.runs()).toBe(0)
  await at.clock.advance(7_200_000)
  expect(at.runs()).toBe(1)
})

it('nothing is tried any more of a volume that went, or once the agent ends', async () => {
  for (const end of ['over', 'closing'] as const) {
    const at = tidying([false, false, false, false])
    const done = at.tidying.now()
    await settle()
    if (end === 'over') at.end()
    else at.closing.abort()
    await at.tidying.ended()
    await done
    expect(at.runs()).toBe(1)
  }
})
