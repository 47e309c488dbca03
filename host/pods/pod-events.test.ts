import { expect, it } from 'vitest'
import type { HostEvent } from '@/contracts/host/v1'
import type { PullProgress } from './ports'
import { PodEvents } from './pod-events'
import { FakeClock } from './testing/fake-clock'

it('tells the tenant that an image was damaged on the host, and then how it comes again', () => {
  const events: HostEvent[] = []
  const pulls: PullProgress[] = []
  const pod = new PodEvents('11111111-1111-4111-8111-111111111111', { onEvent: (event) => events.push(event), onPull: (_, progress) => pulls.push(progress), log: { warn: () => {} } }, new FakeClock())
  pod.pulled('a:1', { bytesDone: 0, bytesTotal: 0, wasDamaged: true })
  for (const bytesDone of [1, 2]) pod.pulled('a:1', { bytesDone, bytesTotal: 2 })
  pod.imagesReady()
  expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning ImageDamaged', 'Normal Pulling', 'Normal Pulled'])
  expect(events[0]?.message).toMatch(/^Image "a:1" was damaged on this host/)
  expect(pulls).toHaveLength(2)
})
