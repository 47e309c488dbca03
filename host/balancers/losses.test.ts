import { expect, it } from 'vitest'
import { Losses, lossOf, type Loss } from './losses'
import type { ServersOf } from './packet-filter'
import { Reached } from './reached'
import { silent } from './testing/balancer-lab'

const servers = (...digits: number[]): ServersOf => new Map([['web', digits.map((digit) => ({ address: `10.0.0.${digit}`, port: 80, weight: 1 }))]])
const [two, three] = ['10.0.0.2', '10.0.0.3']
const over = () => Promise.resolve()
const never = () => new Promise<never>(() => {})

function open(...digits: number[]) {
  const [said, reached, back] = [[] as string[][], new Reached(), new Set<string>()]
  let fails = 0
  reached.add(servers(...digits))
  const lose = (...addresses: string[]) => lossOf(new Set(addresses), (one) => back.has(one), {
    uid: 'b', servers: servers(...digits), led: () => servers(), reached, isOver: () => false,
    haproxy: { lost: async (dead) => void said.push(['down', ...[...dead().values()].flat().map(({ address }) => address)]) },
    namespace: { endConnections: async (addresses) => {
      said.push([fails > 0 ? 'not ended' : 'ended', ...addresses])
      if ((fails -= 1) >= 0) throw new Error('busy')
    } },
  })
  return { said, reached, back, lose, fail: (times: number) => (fails = times), losses: new Losses(silent) }
}

it('of pods that are gone is what was so then: an address that another came to meanwhile is left out', async () => {
  const { said, back, lose, losses, reached } = open(2, 3)
  const loss = lose(two, three)
  back.add(three)
  await losses.carryOut(loss)
  expect(said).toEqual([['down', two], ['ended', two]])
  expect(reached.among(new Set([two, three]))).toEqual([three])
})

it('of connections that could not be ended is tried again, by then of who is gone still', async () => {
  const { said, back, lose, losses, fail } = open(2, 3)
  fail(1)
  const done = losses.carryOut(lose(two, three))
  await expect.poll(() => said.at(-1)).toEqual(['not ended', two, three])
  back.add(three)
  await done
  expect(said.at(-1)).toEqual(['ended', two])
})

it('ends connections where HAProxies say nothing, however many, and once more when they know', async () => {
  const { losses } = open()
  const ended: string[] = []
  const loss = (uid: string, tell: Loss['tell']): Loss => ({ uid, tell, end: async () => void ended.push(uid) })
  for (let i = 0; i < 20; i += 1) void losses.carryOut(loss(`silent ${i}`, never))
  await expect.poll(() => ended).toHaveLength(20)
  let know = () => {}
  const slow = open().losses.carryOut(loss('slow', () => new Promise((done) => (know = done))))
  await expect.poll(() => ended.slice(20)).toEqual(['slow'])
  know()
  await slow
  expect(ended.slice(20)).toEqual(['slow', 'slow'])
  ended.length = 0
  await open().losses.carryOut(loss('quick', over))
  expect(ended).toEqual(['quick'])
})
