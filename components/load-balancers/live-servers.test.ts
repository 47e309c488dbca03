import { expect, it } from 'vitest'
import type { BalancerServerNow } from '@/domain/load-balancer/view'
import { liveServers, mostShown } from './live-servers'

const server = (address: string, health: 'up' | 'down' | 'draining' | 'unknown' = 'up') => ({ address, port: 80, pod: null, weight: 1, health })
const now = (address: string, over: Partial<BalancerServerNow> = {}): BalancerServerNow => ({ backend: 'web', address, port: 80, health: 'up', since: '2026-01-01T00:00:00Z', problem: null, connections: 3, total: 9, failed: 0, errors5xx: 0, receivedBytes: 1, sentBytes: 2, milliseconds: 4, ...over })

it('what a balancer says of its servers now goes before what was stored', () => {
  const live = [now('10.0.0.2'), now('fd00::3', { health: 'down', problem: 'refuses connections' }), now('10.0.0.4', { backend: 'other' })]
  const shown = liveServers({ name: 'web', servers: [server('10.0.0.2', 'unknown'), server('fd00::3'), server('10.0.0.4', 'down')] }, live)
  expect(shown.map(({ key, health, note, now: at }) => [key, health, note, at?.connections])).toEqual([['10.0.0.2:80', 'up', null, 3], ['[fd00::3]:80', 'down', 'refuses connections', 3], ['10.0.0.4:80', 'down', 'its pod is not ready', undefined]])
})

it('without its word they are as they were stored', () => {
  expect(liveServers({ name: 'web', servers: [server('10.0.0.2', 'down')] }, null)).toMatchObject([{ health: 'down', note: null, now: null }])
  expect(liveServers({ name: 'dns', servers: [server('10.0.0.2', 'down')] }, [now('10.0.0.2')])).toMatchObject([{ health: 'down', note: null, now: null }])
})

it('of too many those that are not up are shown first', () => {
  const servers = Array.from({ length: mostShown + 50 }, (_, i) => server(`10.0.${i >> 8}.${i & 255}`, i === mostShown + 20 ? 'down' : 'up'))
  const shown = liveServers({ name: 'web', servers }, null)
  expect([shown.length, shown[0]?.health]).toEqual([mostShown, 'down'])
})
