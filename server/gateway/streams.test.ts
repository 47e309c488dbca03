import { expect, it } from 'vitest'
import { logger } from '@/platform/logger'
import { HostSession, HostSessions } from './host-sessions'
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

it('a balancer’s log is asked of its host by a message of its own', async () => {
  const sessions = new HostSessions()
  const session = new HostSession('h', 'boot', 'c', () => {})
  sessions.add(session)
  const broker = new StreamBroker(sessions, logger('test'))
  const stop = new AbortController()
  const opened = broker.open('h', { kind: 'balancerLog', balancerUid: 'b', tailLines: 10, follow: true }, { signal: stop.signal })
  const servers = broker.open('h', { kind: 'balancerServers', balancerUid: 'b' }, { signal: stop.signal })
  expect(session.takeMessages()).toEqual([{ kind: 'openBalancerLog', url: expect.stringMatching(/^\/ws\/host-stream\/.{43}$/) as string, balancerUid: 'b', tailLines: 10, follow: true }, { kind: 'openBalancerServers', url: expect.stringMatching(/^\/ws\/host-stream\/.{43}$/) as string, balancerUid: 'b' }])
  stop.abort()
  await expect(opened).rejects.toThrow('given up')
  await expect(servers).rejects.toThrow('given up')
})
