import { expect, it } from 'vitest'
import { balancer } from '@/host/balancers/testing/balancer-lab'
import { outerPort, placeHere } from './open-external'

it('a kept balancer that can have no place in its network costs itself alone, and is told', () => {
  const told: unknown[] = []
  const log = { error: (fields: unknown) => void told.push(fields) }
  const good = balancer(7)
  expect(placeHere(good, { hostTag: 'tag', log })?.balancer).toBe(good)
  const six = balancer(8, { network: { ...good.network, inner: ['fd00::5'] } })
  expect(placeHere(six, { hostTag: 'tag', log })).toBeNull()
  expect(told).toMatchObject([{ balancer: six.uid }])
})

it('a balancer is let through no more connections than it can have, whatever its tenant wrote', () => {
  const asking = (maxConnections: number) => outerPort('ab12', { ...balancer(7), options: { ...balancer(7).options, maxConnections } }, 'hypb-ab12-n7', 'ext0', 24_000).connections
  expect([asking(1_000), asking(100_000)]).toEqual([1_200, 28_800])
})
