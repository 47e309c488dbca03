import { expect, it } from 'vitest'
import { logger } from '@/platform/logger'
import { HostSessions } from './host-sessions'
import { StreamBroker } from './streams'

it('a tenant has a bounded number of tickets that nobody uses; a used one makes room, and others have their own', () => {
  const broker = new StreamBroker(new HostSessions(), logger('test'))
  const issue = (owner: string) => broker.issueTicket({ hostId: 'h', request: { kind: 'portForward', podUid: 'p', port: 80 }, owner, credentialId: 'c', onBegin: () => Promise.resolve(), onEnd: () => Promise.resolve() })
  const tickets = Array.from({ length: 256 }, () => issue('a'))
  expect(() => issue('a')).toThrow(/More than 256 streams of this tenant were asked for in 30 s and not opened/)
  tickets.push(issue('b'))
  expect(broker.takeTicket(tickets.shift() ?? '', 'c')).toMatchObject({ owner: 'a' })
  tickets.push(issue('a'))
  for (const ticket of tickets) expect(broker.takeTicket(ticket, 'c')).not.toBeNull()
})
