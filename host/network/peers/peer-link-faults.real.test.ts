import { afterAll, beforeAll, expect, it } from 'vitest'
import { pino } from 'pino'
import { run } from '@/platform/exec'
import { namespaceName } from '../names'
import { Lab } from '../testing/lab'
import type { Run } from '../kernel'
import { PeerLinks, type PeeredNetwork } from './peer-links'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create()
  for (const number of [1, 2]) {
    await run('ip', ['netns', 'add', namespaceName(lab.hostTag, number)])
    await lab.ip(namespaceName(lab.hostTag, number), ['link set lo up'])
  }
})
afterAll(() => lab?.destroy())

const peered = (number: number, other: number): PeeredNetwork => ({ number, subnets: [{ cidr: `10.${number}.0.0/24`, gateway: `10.${number}.0.1` }, { cidr: `fd0${number}::/64`, gateway: `fd0${number}::1` }], routes: [], serviceCidrs: [], mtu: 1450, peers: [{ kind: 'peer', uid: `00000000-0000-4000-8000-00000000000${other}`, number: other, name: `n${other}`, subnets: [`10.${other}.0.0/24`, `fd0${other}::/64`] }] })
const state = async () => Promise.all([1, 2].flatMap((number) => [['-o', 'link'], ['-4', 'route'], ['-6', 'route'], ['neigh']].map(async (what) => (await run('ip', ['-n', namespaceName(lab.hostTag, number), ...what])).stdout.split('\n').filter((line) => line.includes('peer') && !line.includes('fe80::/64')).map((line) => line.replace(/^\d+: |@\S+|link-netnsid \d+|linkdown ?|state \w+|qdisc \w+|<\S+>/g, '')))))
const links = (broken: { at: number; after: boolean } | null, log = pino({ level: 'silent' })) => {
  let count = 0
  const failing: Run = async (...args) => {
    const mine = ++count === broken?.at
    if (mine && !broken.after) throw new Error('broken on purpose')
    const done = await run(...args)
    if (mine) throw new Error('broken on purpose, behind its work')
    return done
  }
  return { made: new PeerLinks({ hostTag: lab.hostTag, run: failing, log }), steps: () => count }
}
const both = async (made: PeerLinks) => {
  await made.apply(peered(1, 2))
  await made.apply(peered(2, 1))
}

it('whichever step of a link fails or is the last of a process: the next look ends where an undisturbed one does', async () => {
  const calm = links(null)
  await both(calm.made)
  const right = await state()
  expect(right.flat().length).toBeGreaterThanOrEqual(10)
  const steps = calm.steps()
  await calm.made.remove(1)
  expect((await state()).flat()).toEqual([])
  for (let at = 1; at <= steps; at++) {
    // The same agent tries again.
    const { made } = links({ at, after: false })
    await both(made)
    await made.reconcile('all')
    expect([at, await state()]).toEqual([at, right])
    await made.remove(2)
    // Another one, after the end of the first behind this step.
    await both(links({ at, after: true }).made)
    const next = links(null).made
    await both(next)
    expect([at, await state()]).toEqual([at, right])
    await next.remove(1)
  }
  expect((await state()).flat()).toEqual([])
})
