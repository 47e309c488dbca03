import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { actorOf, toApiContext } from '@/server/api/http'
import { appRouter } from '@/server/api/root'
import { startTestServer } from '@/server/api/testing/server'
import { upgradeStatus } from '@/tools/testing/upgrade-status'
import { HostSession, HostSessions } from './host-sessions'
import { LiveSockets } from './live-sockets'
import { StreamBroker } from './streams'
import { createGateway } from './upgrade'

const publicUrl = 'http://console.example'
let test: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof test.signUp>>
let http: Server
let gateway: ReturnType<typeof createGateway>
let url = ''
const sessions = new HostSessions()
let streams: StreamBroker

beforeAll(async () => {
  test = await startTestServer()
  ann = await test.signUp('ann')
  streams = new StreamBroker(sessions, test.server.log)
  gateway = createGateway({
    db: test.db, keyRing: test.server.keyRing, log: test.server.log, sessions, streams, publicUrl, router: appRouter,
    // Told of a revocation: by itself it looks again after what this takes at most.
    live: new LiveSockets(test.server.feed, 3_600_000),
    authenticate: (request) => actorOf(request, publicUrl),
    createContext: (_, actor) => toApiContext(test.server, actor, '', ''),
  })
  http = createServer().on('upgrade', (request, socket, head) => {
    if (!gateway.upgrade(request, socket, head)) socket.destroy()
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterAll(async () => {
  gateway.close()
  http.close()
  await test.stop()
})

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('a socket for hosts', () => {
  it.each(['/ws/host', '/ws/host?connectionParams=1'])('that says no hello at %s is ended', async (path) => {
    const impatient = createGateway({
      db: test.db, keyRing: test.server.keyRing, log: test.server.log, sessions, streams, publicUrl, router: appRouter, helloWithinMs: 50,
      live: new LiveSockets(test.server.feed),
      authenticate: () => Promise.resolve(null),
      createContext: (_, actor) => toApiContext(test.server, actor, '', ''),
    })
    const server = createServer().on('upgrade', (request, socket, head) => void impatient.upgrade(request, socket, head))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
    await once(socket, 'open')
    await once(socket, 'close')
    impatient.close()
    server.close()
  })
})

describe('sockets of people', () => {
  it.each([
    ['without any credential', {}, 403],
    ['with a cookie from another site', { cookie: 'a=b', origin: 'http://evil.example' }, 403],
    ['with a cookie and no origin', { cookie: 'a=b' }, 403],
    ['with a cookie that is nobody\'s, from the console', { cookie: 'a=b', origin: publicUrl }, 401],
    ['with a wrong token', { authorization: 'Bearer hyp_wrong' }, 401],
  ])('%s', async (_, headers, status) => expect(await upgradeStatus(`${url}/ws/trpc`, headers)).toBe(status))

  it('with a token are accepted, and closed soon after its revocation', async () => {
    const socket = new WebSocket(`${url}/ws/trpc`, { headers: bearer(ann.token) })
    await once(socket, 'open')
    const browser = test.callerOf({ ...ann.actor, kind: 'session', tenantId: null })
    const closed = once(socket, 'close')
    await browser.token.revoke({ tenant: ann.tenant.slug, id: ann.actor.credentialId })
    const [code] = (await Promise.race([closed, new Promise((_, reject) => setTimeout(() => reject(new Error('still open after 30 s')), 30_000))])) as [number]
    expect(code).toBe(4401)
  })
})

describe('streams', () => {
  const request = { kind: 'logs', podUid: '00000000-0000-4000-8000-000000000000', container: null, follow: false, tailLines: 1, previous: false, sinceTime: null } as const

  let carl: Awaited<ReturnType<typeof test.signUp>>
  beforeAll(async () => void (carl = await test.signUp('carl')))

  it('need a ticket of this credential, once', async () => {
    const bob = await test.signUp('bob')
    const eve = await test.signUp('eve')
    const ticket = streams.issueTicket({ hostId: 'none', request, owner: bob.tenant.id, credentialId: bob.actor.credentialId, onBegin: () => Promise.resolve(), onEnd: () => Promise.resolve() })
    expect(await upgradeStatus(`${url}/ws/stream/unknown`, bearer(bob.token))).toBe(404)
    expect(await upgradeStatus(`${url}/ws/stream/${ticket}`, bearer(eve.token))).toBe(404)
    expect(await upgradeStatus(`${url}/ws/stream/${ticket}`, bearer(bob.token))).toBe(101)
    expect(await upgradeStatus(`${url}/ws/stream/${ticket}`, bearer(bob.token))).toBe(404)
  })

  it('join a browser and a host, and are told at their begin and, with the bytes each way, at their end', async () => {
    const session = new HostSession('h2', 'boot', 'connection', () => {})
    sessions.add(session)
    const told: unknown[] = []
    const ticket = streams.issueTicket({ hostId: 'h2', request, owner: ann.tenant.id, credentialId: carl.actor.credentialId, onBegin: () => Promise.resolve(void told.push('begin')), onEnd: (bytes) => Promise.resolve(void told.push(bytes)) })
    const browser = new WebSocket(`${url}/ws/stream/${ticket}`, { headers: bearer(carl.token) })
    const received: Buffer[] = []
    browser.on('message', (data: Buffer) => received.push(data))
    let asked: string | undefined
    await expect.poll(() => (asked = session.takeMessages()[0]?.url), { timeout: 10_000 }).toBeTruthy()
    const host = new WebSocket(`${url}${asked}`)
    await once(host, 'open')
    const onInput = once(host, 'message')
    browser.send(Buffer.from([0, 1, 2, 3]))
    expect([...((await onInput)[0] as Buffer)]).toEqual([0, 1, 2, 3])
    host.send(Buffer.from([1, 9, 9]))
    host.send(Buffer.from([2, 9]))
    host.send(Buffer.concat([Buffer.of(3), Buffer.from('{"exitCode":0,"error":null}')]))
    host.close()
    await once(browser, 'close')
    expect(received.map((message) => message[0])).toEqual([1, 2, 3])
    await expect.poll(() => told).toEqual(['begin', { toPod: 3, fromPod: 3 }])
  })

  it('that could not be opened say why, and leave no end in the audit without a begin', async () => {
    const told: string[] = []
    const ticket = streams.issueTicket({ hostId: 'absent', request, owner: ann.tenant.id, credentialId: carl.actor.credentialId, onBegin: () => Promise.resolve(void told.push('begin')), onEnd: () => Promise.resolve(void told.push('end')) })
    const browser = new WebSocket(`${url}/ws/stream/${ticket}`, { headers: bearer(carl.token) })
    const [message] = (await once(browser, 'message')) as [Buffer]
    expect(message.subarray(1).toString()).toContain('host of this pod is not connected')
    await once(browser, 'close')
    expect(told).toEqual([])
  })

  it('are dialled by the host that was asked, once', async () => {
    const session = new HostSession('h1', 'boot', 'connection', () => {})
    sessions.add(session)
    const opened = streams.open('h1', request)
    const [message] = session.takeMessages()
    const dialled = new WebSocket(`${url}${message?.url}`)
    const stream = await opened
    await once(dialled, 'open')
    expect(await upgradeStatus(`${url}${message?.url}`, {})).toBe(404)
    dialled.send(Buffer.from([1, 104, 105]))
    const [received] = (await once(stream, 'data')) as [Buffer]
    expect([...received]).toEqual([1, 104, 105])
    stream.destroy()
    await once(dialled, 'close')
  })

  it('fail at once where the host is not connected, and in time where it does not dial', async () => {
    await expect(streams.open('absent', request)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(streams.open('h1', request, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('do not exist under other paths', async () => {
    expect(await upgradeStatus(`${url}/ws/other`, {})).toBe(404)
    expect(await upgradeStatus(`${url}/ws/host-stream/unknown`, {})).toBe(404)
  })
})
