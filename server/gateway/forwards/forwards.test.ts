import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import WebSocket, { WebSocketServer } from 'ws'
import type { StreamRequest } from '@/contracts/host/v1/streams'
import { logger } from '@/platform/logger'
import type { Actor } from '@/server/auth/scope'
import type { BrowserForward } from '@/server/services/browser-forwards'
import type { HostStream, StreamBytes } from '@/server/services/host-streams'
import { Forwards } from './forwards'
import { ForwardProxy } from './proxy'

const log = logger('test')
log.level = 'silent'
const actor: Actor = { kind: 'session', credentialId: 'c1', userId: 'u', email: 'a@example.com', name: 'A', operator: false, tenantId: null }

/** A host that connects each stream to a server of the test's, as the real one does to a port of a pod. */
function hostTo(port: () => number): (hostId: string, request: StreamRequest) => Promise<HostStream> {
  return () => {
    const socket = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true })
    const stream = new Duplex({
      objectMode: true,
      read: () => socket.resume(),
      write: (message: Buffer, _, done) => void (message.length > 1 ? socket.write(message.subarray(1), () => done()) : (socket.end(), done())),
      destroy: (error, done) => {
        socket.destroy()
        done(error)
      },
    })
    const result = (value: object) => {
      stream.push(Buffer.concat([Buffer.of(3), Buffer.from(JSON.stringify(value))]))
      stream.push(null)
    }
    socket.on('data', (chunk: Buffer) => {
      if (!stream.push(Buffer.concat([Buffer.of(1), chunk]))) socket.pause()
    })
    socket.once('end', () => {
      stream.push(Buffer.of(1))
      result({ exitCode: 0, error: null })
    })
    socket.once('error', () => result({ exitCode: null, error: 'Nothing in the pod listens on port 80. Check the port.' }))
    return Promise.resolve(stream)
  }
}

let pod: Server
let door: Server
let forwards: Forwards
let seen: { headers: IncomingHttpHeaders; url: string | undefined; method: string | undefined; body: string }[]
let answer: (request: IncomingMessage) => { status?: number; headers?: Record<string, string | string[]>; body?: string }
let podPort = 0
let ended: StreamBytes[]
let begun: number
let endCredential: () => void

beforeEach(async () => {
  ;[seen, ended, begun] = [[], [], 0]
  answer = () => ({ body: 'hello' })
  pod = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
      seen.push({ headers: request.headers, url: request.url, method: request.method, body })
      const { status = 200, headers = {}, body: text = '' } = answer(request)
      response.writeHead(status, headers).end(text)
    })
  }).listen(0, '127.0.0.1')
  await once(pod, 'listening')
  podPort = (pod.address() as AddressInfo).port
  door = createServer().listen(0, '127.0.0.1')
  await once(door, 'listening')
  const forwardUrl = `http://forward.localhost:${doorPort()}`
  forwards = new Forwards({ forwardUrl, streams: { open: hostTo(() => podPort) }, log, watch: (_, end) => ((endCredential = end), () => {}) })
  const proxy = new ForwardProxy(forwards, forwardUrl)
  door.on('request', (request, response) => {
    if (!proxy.serve(request, response)) response.end('the console')
  })
  door.on('upgrade', (request, socket: Socket, head) => {
    if (!proxy.upgrade(request, socket, head)) socket.destroy()
  })
})
afterEach(() => {
  forwards.close()
  for (const server of [pod, door]) {
    server.close()
    server.closeAllConnections()
  }
})

const doorPort = () => (door.address() as AddressInfo).port
const forward = (over: Partial<BrowserForward> = {}): BrowserForward => ({ hostId: 'h', podUid: 'p', port: 80, owner: 't', actor, onBegin: () => Promise.resolve(void (begun += 1)), onEnd: (bytes) => Promise.resolve(void ended.push(bytes)), ...over })

type Answer = { status: number; headers: IncomingHttpHeaders; body: string }
const ask = (host: string, path: string, headers: Record<string, string> = {}, method = 'GET', body = '') =>
  new Promise<Answer>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: doorPort(), path, method, headers: { host, ...headers, ...(body && { 'content-length': String(body.length) }) }, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })).on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })

async function entered(of = forward()) {
  const { host, pathname } = new URL(forwards.open(of))
  const { status, headers } = await ask(host, pathname)
  const cookie = headers['set-cookie']?.[0] ?? ''
  return { host, pathname, status, headers, setCookie: cookie, cookie: cookie.split(';')[0] ?? '' }
}

describe('the entrance', () => {
  it('lets a browser in once, by a cookie of that host alone', async () => {
    const { host, pathname, status, headers, setCookie } = await entered()
    expect([status, headers.location, headers['referrer-policy']]).toEqual([303, '/', 'no-referrer'])
    expect(setCookie).toMatch(/^hypernetes-forward=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
    expect(begun).toBe(1)
    expect((await ask(host, pathname)).status).toBe(403)
    expect((await ask(host, '/')).status).toBe(403)
    expect(seen).toEqual([])
  })
  it('is on its own host alone, and a cookie of one forward opens no other', async () => {
    const [one, other] = [await entered(), await entered(forward({ port: 81 }))]
    expect(one.host).not.toBe(other.host)
    const third = new URL(forwards.open(forward({ port: 82 })))
    expect((await ask(one.host, third.pathname)).status).toBe(403)
    expect((await ask(other.host, '/', { cookie: one.cookie })).status).toBe(403)
    expect((await ask(one.host, '/', { cookie: one.cookie })).body).toBe('hello')
  })
  it('keeps the host of a port that is opened again, for its page\'s own storage', async () => {
    const [one, again] = [await entered(), await entered()]
    expect(again.host).toBe(one.host)
    expect((await entered(forward({ actor: { ...actor, credentialId: 'c2' } }))).host).not.toBe(one.host)
    expect(begun).toBe(2)
  })
  it('is not there where the installation has no domain for it', () => {
    const none = new Forwards({ forwardUrl: null, streams: { open: hostTo(() => podPort) }, log, watch: () => () => {} })
    expect(() => none.open(forward())).toThrow(/no domain for pages of pods.*local command/)
    none.close()
  })
  it('is by the newest address of a port alone', async () => {
    const [older, newer] = [forwards.open(forward()), forwards.open(forward())].map((each) => new URL(each))
    expect((await ask(older?.host ?? '', older?.pathname ?? '')).status).toBe(403)
    expect((await ask(newer?.host ?? '', newer?.pathname ?? '')).status).toBe(303)
  })
  it('bounds the ports that a tenant has open', async () => {
    for (let port = 1; port <= 32; port += 1) forwards.open(forward({ port }))
    expect(() => forwards.open(forward({ port: 99 }))).toThrow(/More than 32/)
    expect(forwards.open(forward({ port: 99, owner: 'other' }))).toMatch(/^http/)
  })
})

describe('the console and its credentials', () => {
  it('is not on any host of the forward domain, and its own host is left to it', async () => {
    expect((await ask('127.0.0.1', '/api/trpc/account.me')).body).toBe('the console')
    for (const host of ['forward.localhost', 'x.forward.localhost', 'X.FORWARD.localhost:1', 'forward.localhost.']) expect((await ask(host, '/api/trpc/account.me')).status).toBe(403)
    expect((await ask('evilforward.localhost', '/')).body).toBe('the console')
  })
  it('are never told to the pod, whose own cookies are', async () => {
    const { host, cookie } = await entered()
    await ask(host, '/a?b=c', { cookie: `theme=dark; ${cookie}; sid=1`, 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6', 'x-real-ip': '6.6.6.6' })
    expect(seen[0]).toMatchObject({ url: '/a?b=c', headers: { cookie: 'theme=dark; sid=1', host, 'x-forwarded-host': host, 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' } })
    expect(JSON.stringify(seen)).not.toMatch(/hypernetes-forward|6\.6\.6\.6/)
  })
  it('cannot be set or cleared by the pod, nor can anything beyond its own host', async () => {
    const { host, cookie } = await entered()
    answer = () => ({ headers: { 'set-cookie': ['sid=1; Domain=forward.localhost; Path=/', 'hypernetes-forward=mine; Path=/'], 'strict-transport-security': 'max-age=9', 'clear-site-data': '"*"', 'alt-svc': 'h3=":1"', 'x-own': 'kept' } })
    const { headers } = await ask(host, '/', { cookie })
    expect(headers['set-cookie']).toEqual(['sid=1; Path=/'])
    expect(headers).toMatchObject({ 'x-own': 'kept' })
    for (const name of ['strict-transport-security', 'clear-site-data', 'alt-svc']) expect(headers[name]).toBeUndefined()
  })
  it.each([
    ['another site', { origin: 'http://evil.example' }],
    ['another forward', { origin: 'http://other.forward.localhost' }],
    ['another site, without its origin', { 'sec-fetch-site': 'cross-site' }],
  ] as [string, Record<string, string>][])('are no use to %s', async (_, headers) => {
    const { host, cookie } = await entered()
    expect((await ask(host, '/', { cookie, ...headers }, 'POST', 'x')).status).toBe(403)
    expect(seen).toEqual([])
  })
  it('end the forward when they end, with what it carried in the audit', async () => {
    const { host, cookie } = await entered()
    await ask(host, '/', { cookie, origin: `http://${host}` }, 'POST', 'body')
    expect(seen[0]?.body).toBe('body')
    endCredential()
    expect((await ask(host, '/', { cookie })).status).toBe(403)
    expect(ended).toHaveLength(1)
    expect(ended[0]?.toPod).toBeGreaterThan(100)
    expect(ended[0]?.fromPod).toBeGreaterThan(50)
  })
})

describe('what a pod serves', () => {
  it('comes whole, over connections that are used again', async () => {
    const { host, cookie } = await entered()
    let connections = 0
    pod.on('connection', () => (connections += 1))
    answer = () => ({ status: 418, body: 'x'.repeat(3 << 20) })
    for (let i = 0; i < 3; i += 1) expect(await ask(host, '/', { cookie })).toMatchObject({ status: 418, body: 'x'.repeat(3 << 20) })
    expect(connections).toBe(1)
  })
  it('says when nothing listens', async () => {
    const { host, cookie } = await entered()
    pod.close()
    pod.closeAllConnections()
    const { status, body, headers } = await ask(host, '/', { cookie })
    expect([status, body, headers['content-security-policy']]).toEqual([502, 'Nothing in the pod listens on port 80. Check the port.\n', "sandbox; default-src 'none'"])
  })
  it.each([
    ['a status that is none', '000 x'],
    ['one that no browser knows', '999 x'],
    ['another protocol that nobody asked for', '101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x'],
  ])('is refused where it is %s, and holds nothing', async (_, status) => {
    const raw = createTcpServer((socket) => void socket.on('error', () => {}).once('data', () => socket.write(`HTTP/1.1 ${status}\r\nX-A: b\r\n\r\n`))).listen(0, '127.0.0.1')
    await once(raw, 'listening')
    podPort = (raw.address() as AddressInfo).port
    const { host, cookie } = await entered()
    expect(await ask(host, '/', { cookie })).toMatchObject({ status: 502, body: expect.stringContaining('no answer of HTTP') })
    await expect.poll(() => forwards.find(host.split('.')[0] ?? '')?.isBusy).toBe(false)
    raw.close()
  })
  it('is refused to a WebSocket where it is no answer, and a browser that does not leave holds nothing', async () => {
    const raw = createTcpServer((socket) => void socket.on('error', () => {}).once('data', () => socket.write('HTTP/1.1 000 x\r\n\r\n'))).listen(0, '127.0.0.1')
    await once(raw, 'listening')
    podPort = (raw.address() as AddressInfo).port
    const { host, cookie } = await entered()
    const browser = connect({ port: doorPort(), host: '127.0.0.1', allowHalfOpen: true })
    browser.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nOrigin: http://${host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`)
    const [answer] = (await once(browser, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 502 Refused\r\n/)
    await expect.poll(() => forwards.find(host.split('.')[0] ?? '')?.isBusy).toBe(false)
    browser.destroy()
    raw.close()
  })
  it('may be a WebSocket, for its own page alone', async () => {
    const sockets = new WebSocketServer({ server: pod })
    sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)))
    const { host, cookie } = await entered()
    const open = (headers: Record<string, string>) => new WebSocket(`ws://127.0.0.1:${doorPort()}/live`, { headers: { host, ...headers } })
    const socket = open({ cookie, origin: `http://${host}` })
    await once(socket, 'open')
    socket.send('hi')
    const [message] = (await once(socket, 'message')) as [Buffer]
    expect(message.toString()).toBe('echo hi')
    const closed = once(socket, 'close')
    for (const headers of [{ cookie, origin: 'http://evil.example' }, { cookie }, { origin: `http://${host}` }] as Record<string, string>[]) {
      const refused = open(headers)
      refused.on('error', () => {})
      const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage]
      expect(response.statusCode).toBe(403)
      refused.terminate()
    }
    endCredential()
    await closed
    sockets.close()
  })
})
