import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { busy } from './access-log'
import { roomForConnections } from './room'
import { idle, over, raw, statusOf } from './testing/client'
import { RequestsLab } from './testing/requests-lab'

describe.runIf(process.getuid?.() === 0)('what a balancer bears', () => {
  let at: RequestsLab

  beforeAll(async () => {
    at = await RequestsLab.open()
    expect(await at.bring()).toBe(null)
  })
  afterAll(() => at.lab.close())
  // What it counted for a bound of before is gone with that.
  beforeEach(() => at.bring())

  it('refuses bodies above the limit, and such of a length that nobody says', async () => {
    await at.bring({ maxBodyBytes: 10 })
    expect((await at.to(86, { method: 'POST', body: '0123456789' })).status).toBe(200)
    expect((await at.to(86, { method: 'POST', headers: { 'content-length': 11 }, body: '0123456789a' })).status).toBe(413)
    expect(statusOf(await at.send(86, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'))).toBe(411)
    const session = connectHttp2(`https://${at.lab.address}`, { rejectUnauthorized: false })
    expect((await over(session, { ':path': '/' })).status).toBe(200)
    expect((await over(session, { ':path': '/', ':method': 'POST' }, 'a')).status).toBe(411)
    expect((await over(session, { ':path': '/', ':method': 'POST', 'content-length': '1' }, 'a')).status).toBe(200)
    session.close()
  })

  it('lets clients in by their address alone where a list says whom', async () => {
    await at.bring({ allow: ['203.0.113.0/24'] })
    expect(await at.send(86, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ text: '', ended: true })
    expect(await raw(at.lab.address, 5000, 'x')).toMatchObject({ text: '', ended: true })
    // Nor by a client's address that somebody names who is none of the proxies on it.
    expect(await at.send(83, 'PROXY TCP4 203.0.113.7 192.0.2.8 5000 83\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ text: '', ended: true })
    await at.bring({ allow: [`${at.lab.here}/32`] })
    expect((await at.to(86)).status).toBe(200)
    // A proxy that is on it says who its client is.
    expect(statusOf(await at.send(83, 'PROXY TCP4 203.0.113.7 192.0.2.8 5000 83\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'))).toBe(200)
  })

  it('bounds a client\'s requests and connections, and no other\'s', async () => {
    await at.bring({ ratePerSecond: 2 })
    const statuses = await Promise.all(Array.from({ length: 30 }, async () => (await at.to(86)).status))
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
    expect(statuses.filter((status) => status === 429)).toHaveLength(10)
    expect(statusOf(await at.send(83, 'PROXY TCP4 192.0.2.9 192.0.2.8 5000 83\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'))).toBe(200)
  })

  it('cuts who takes too long for a head, and answers others while many send or read as slowly as they can', async () => {
    await at.bring({ requestSeconds: 3 })
    const slow = raw(at.lab.address, 86, 'GET / HTTP/1.1\r\nHost: a\r\nX-A: ', { timeoutMs: 20_000 })
    // Bodies of which nothing more comes, and answers that nobody reads.
    const bodies = await idle(at.lab.address, 86, 300, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc')
    const readers = (await idle(at.lab.address, 5000, 100, 'x'.repeat(100_000))).map((socket) => socket.pause())
    expect((await at.to(80)).status).toBe(200)
    expect((await slow).ended).toBe(true)
    for (const socket of [...bodies, ...readers]) socket.destroy()
  })

  it('bears ten thousand who say nothing', async () => {
    await at.bring({ requestSeconds: 60, maxConnections: 12_000 })
    // As many as it may have files, where root itself may not raise that.
    const most = Math.min(10_000, (await roomForConnections()) - 200)
    const open = await idle(at.lab.address, 5000, 1_000, 'x')
    try {
      open.push(...await idle(at.lab.address, 86, most - open.length))
      expect((await at.to(80)).status).toBe(200)
      const whole = (await at.haproxy.counters()).find(({ part }) => part === '')
      expect(whole?.activeConnections).toBeGreaterThanOrEqual(most)
    } finally {
      for (const socket of open) socket.destroy()
    }
  })

  it('bears a client of HTTP/2 that asks for more than it takes, and one that takes back what it asks', async () => {
    const session = connectHttp2(`http://${at.lab.address}:86`)
    await once(session, 'remoteSettings')
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100)
    for (let i = 0; i < 3_000; i += 1) session.request({ ':path': `/${i}` }).on('error', () => {}).close(constants.NGHTTP2_CANCEL)
    session.on('error', () => {})
    expect((await at.to(86)).status).toBe(200)
    session.destroy()
    const large = connectHttp2(`http://${at.lab.address}:86`)
    large.on('error', () => {})
    at.seen = []
    const refused = large.request({ ':path': '/', 'x-large': 'a'.repeat(40_000) })
    await new Promise((resolve) => refused.on('error', () => {}).on('close', resolve))
    expect(at.seen).toEqual([])
    large.destroy()
    expect((await at.to(86)).status).toBe(200)
  })

  it('logs what was asked, and nothing of it can be forged', async () => {
    await at.bring()
    const marks = ['/"],"x":"\\', '/a%0a[1,2]', "/'{}|%00", `/${'z'.repeat(3_000)}`, '/\x7f', '/é']
    for (const path of marks) await at.send(88, `GET ${path} HTTP/1.1\r\nHost: log.test\r\n\r\n`)
    await at.send(88, 'GET /?token=secret HTTP/1.1\r\nHost: log.test\r\nAuthorization: Bearer secret\r\nCookie: a=secret\r\n\r\n')
    await at.send(88, 'GET http://LOG.test:88/whole?token=secret HTTP/1.1\r\nHost: LOG.test:88\r\n\r\n')
    await at.send(88, 'GET /bad HTTP/1.1\r\nHost: "],[\r\n\r\n')
    const lines = []
    // Those of before may still end.
    for await (const line of at.haproxy.log({ tailLines: 5_000, follow: false }, new AbortController().signal)) if (line.listener === 88) lines.push(line)
    lines.splice(0, lines.length - 9)
    expect(lines.slice(0, 3).map(({ path, host, rule: id, status }) => ({ path, host, id, status }))).toEqual(marks.slice(0, 3).map((path) => ({ path, host: 'log.test', id: 'any', status: 200 })))
    expect(lines[3]?.path).toHaveLength(512)
    expect(lines.every(({ client }) => client === at.lab.here)).toBe(true)
    expect(lines.at(-2)).toMatchObject({ method: 'GET', path: '/whole', host: 'log.test', status: 200 })
    expect(lines.at(-1)).toMatchObject({ status: 400, backend: null, server: null })
    expect(JSON.stringify(lines)).not.toContain('secret')
    const off = new AbortController()
    const followed = at.haproxy.log({ tailLines: 1, follow: true }, off.signal)[Symbol.asyncIterator]()
    expect((await followed.next()).value).toMatchObject({ client: at.lab.here })
    await at.to(88, { path: '/followed' })
    let line = await followed.next()
    while (line.done !== true && line.value.path !== '/followed') line = await followed.next()
    expect(line.value).toMatchObject({ method: 'GET', rule: 'any', milliseconds: expect.any(Number) as number })
    off.abort()
    for (line = await followed.next(); line.done !== true; ) line = await followed.next()
  })

  it('logs a part of what succeeds where that is very much, and all that fails', async () => {
    await at.bring()
    const [asked, failing] = [600, 60]
    const linesOf = async (port: number) => {
      const lines = []
      for await (const line of at.haproxy.log({ tailLines: 5_000, follow: false }, new AbortController().signal)) if (line.listener === port) lines.push(line)
      return lines
    }
    const before = (await linesOf(89)).length
    const clients = 6
    const answered = (text: string) => text.split('HTTP/1.1 200').length - 1
    const began = performance.now()
    // Each sends all of its requests at once, so that the balancer never waits for a client.
    const succeeding = Promise.all(Array.from({ length: clients }, () => raw(at.lab.address, 89, 'GET /x HTTP/1.1\r\nHost: only.example.org\r\n\r\n'.repeat(asked / clients), { timeoutMs: 40_000, isAll: (text) => answered(text) === asked / clients })))
    const refused = Promise.all(Array.from({ length: failing }, async () => statusOf(await raw(at.lab.address, 89, 'GET /fails HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', { timeoutMs: 40_000 }))))
    expect((await succeeding).map(({ text }) => answered(text))).toEqual(Array.from({ length: clients }, () => asked / clients))
    const seconds = (performance.now() - began) / 1000
    expect(new Set(await refused)).toEqual(new Set([404]))
    const logged = async () => (await linesOf(89)).slice(before)
    await expect.poll(async () => (await logged()).filter(({ status }) => status === 404).length, { timeout: 30_000 }).toBe(failing)
    const lines = await logged()
    // The first hundred of a second, and some of the others.
    const succeeded = lines.filter(({ status }) => status === 200).length
    expect(succeeded).toBeGreaterThan(0)
    expect(succeeded).toBeLessThanOrEqual(asked)
    // A machine that is too slow for so many has them all in its log.
    if (asked / seconds > 2 * busy.requestsPerSecond) expect(succeeded).toBeLessThan(asked)
  })

  it('counts requests, errors, bytes and latencies of the whole, of rules and backends', async () => {
    const parts = new Map((await at.haproxy.counters()).map((part) => [part.part, part]))
    await at.to(80, { path: '/api/v1', headers: { host: 'www.example.org' } })
    await at.to(87)
    const now = new Map((await at.haproxy.counters()).map((part) => [part.part, part]))
    const grown = (part: string, name: 'requests' | 'errors4xx' | 'receivedBytes') => (now.get(part)?.[name] ?? 0) - (parts.get(part)?.[name] ?? 0)
    expect([grown('', 'requests'), grown('', 'errors4xx'), grown('rule/exact', 'requests'), grown('backend/d', 'requests'), grown('backend/c', 'requests')]).toEqual([2, 1, 1, 1, 0])
    expect(grown('rule/exact', 'receivedBytes')).toBeGreaterThan(10)
    const latency = (part: string) => now.get(part)?.latency?.reduce((sum, count) => sum + count, 0)
    expect(latency('backend/d')).toBe(now.get('backend/d')?.requests)
    expect(latency('rule/exact')).toBe(now.get('rule/exact')?.requests)
    expect(now.get('backend/echo')).toMatchObject({ latency: null, requests: 0 })
    expect(now.get('backend/echo')?.connections).toBeGreaterThan(1_000)
  })
})
