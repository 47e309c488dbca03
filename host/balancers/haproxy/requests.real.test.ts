import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2'
import { Agent, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultOptions, type BalancerModel, type BalancerServer } from '@/domain/load-balancer/model'
import type { Certificate } from '../ports'
import type { HaproxyProcess } from './haproxy'
import { BalancerLab } from './testing/balancer-lab'
import { ask, idle, isWhole, raw, statusOf } from './testing/client'
import { httpBackend, listener, rule, tcpBackend } from './testing/models'

/** What a pod saw of a request. */
type Seen = { backend: string; method: string; url: string; headers: IncomingMessage['headers']; names: string[]; body: string }
const [first, second] = [randomUUID(), randomUUID()]

const rules = [rule('any', null, null, '/', 'a'), rule('below', '*.example.org', 'Prefix', '/', 'b'), rule('api', 'www.example.org', 'Prefix', '/api', 'c'), rule('exact', 'www.example.org', 'Exact', '/api/v1', 'd'), rule('long', 'www.example.org', 'Prefix', '/api/v1/long/', 'a'), rule('any-path', null, 'Prefix', '/static', 'd')]
const model: BalancerModel = {
  listeners: [
    listener({ port: 80, rules }),
    listener({ port: 81, redirectToHttps: 443 }),
    listener({ port: 82, redirectToHttps: 8443 }),
    listener({ port: 83, defaultBackend: 'a', acceptProxy: true }),
    listener({ port: 84, defaultBackend: 'sticky' }),
    listener({ port: 85, defaultBackend: 'grpc' }),
    listener({ port: 86, defaultBackend: 'a' }),
    listener({ port: 87, rules: [rule('only', 'only.example.org', 'Prefix', '/x', 'a')] }),
    listener({ port: 88, rules }),
    listener({ port: 89, rules: [rule('busy', 'only.example.org', 'Prefix', '/x', 'a')] }),
    listener({ port: 443, protocol: 'https', certificates: [first, second], defaultBackend: 'a' }),
    listener({ port: 5000, protocol: 'tcp', defaultBackend: 'echo' }),
    listener({ port: 5001, protocol: 'tcp', defaultBackend: 'proxied' }),
  ],
  backends: [...['a', 'b', 'c', 'd'].map(httpBackend), { ...httpBackend('sticky'), stickyCookie: 'STICK' }, { ...httpBackend('grpc'), protocol: 'h2c' }, tcpBackend('echo'), { ...tcpBackend('proxied'), sendProxy: true }],
  options: { ...defaultOptions, requestSeconds: 1 },
}

describe.runIf(process.getuid?.() === 0)('requests through a balancer', { timeout: 30_000 }, () => {
  let lab: BalancerLab
  let haproxy: HaproxyProcess
  let seen: Seen[] = []
  const servers = new Map<string, BalancerServer[]>()
  const certificates = new Map<string, Certificate>()
  const bring = (options: Partial<BalancerModel['options']> = {}) => haproxy.bring({ balancer: lab.balancer({ ...model, options: { ...model.options, ...options } }), servers, certificates })
  const to = (port: number, options: Parameters<typeof ask>[2] = {}) => ask(lab.address, port, options)
  const send = (port: number, bytes: string) => raw(lab.address, port, bytes, { isAll: isWhole })

  beforeAll(async () => {
    lab = await BalancerLab.open()
    haproxy = lab.haproxy()
    const pod = (backend: string) => lab.pod((request, response) => {
      let body = ''
      request.setEncoding('latin1').on('data', (chunk: string) => (body += chunk)).on('end', () => {
        seen.push({ backend, method: request.method ?? '', url: request.url ?? '', headers: request.headers, names: request.rawHeaders.filter((_, i) => i % 2 === 0), body })
        response.end(backend)
      })
    })
    for (const name of ['a', 'b', 'c', 'd']) servers.set(name, [await pod(name)])
    servers.set('sticky', [await pod('one'), await pod('two')])
    servers.set('echo', [await lab.tcpPod((socket) => void socket.pipe(socket))])
    servers.set('proxied', [await lab.tcpPod((socket) => void socket.once('data', (chunk: Buffer) => socket.end(chunk)))])
    servers.set('grpc', [await lab.h2cPod((server) => server.on('stream', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.pipe(stream)
    }))])
    for (const [id, name] of [[first, 'first.example.org'], [second, 'second.example.org']] as const) certificates.set(id, await lab.certificate(name, id))
    expect(await bring()).toBe(null)
  })
  afterAll(() => lab.close())

  it.each([
    ['www.example.org', '/api', 'c'], ['www.example.org', '/api/', 'c'], ['www.example.org', '/api/x?y=1', 'c'], ['www.example.org', '/apix', 'b'], ['www.example.org', '/api/v1', 'd'], ['www.example.org', '/api/v1/', 'c'],
    ['www.example.org', '/api/v1/long', 'a'], ['www.example.org', '/api/v1/long/er', 'a'], ['WWW.Example.ORG', '/api', 'c'], ['www.example.org:80', '/api', 'c'], ['www.example.org.', '/api', 'c'],
    ['other.example.org', '/api', 'b'], ['deep.other.example.org', '/', 'a'], ['example.org', '/', 'a'], ['nobody.test', '/static/x', 'd'], ['nobody.test', '/staticx', 'a'], ['*.example.org', '/', null], ['www.example.org/api', '/', null],
  ])('the rule for %s%s leads to %s', async (host, path, backend) => {
    const { status, body } = await to(80, { path, headers: { host } })
    expect(backend === null ? status : body).toBe(backend ?? 400)
  })

  it('answers 404 where no rule fits and there is no default, and 503 where no pod is ready', async () => {
    expect((await to(87, { path: '/y', headers: { host: 'only.example.org' } })).status).toBe(404)
    expect((await to(87, { path: '/x', headers: { host: 'only.example.org' } })).status).toBe(200)
    const [before] = [servers.get('a') ?? []]
    servers.set('a', [])
    await bring()
    expect((await to(86)).status).toBe(503)
    servers.set('a', before)
    await bring()
    expect((await to(86)).status).toBe(200)
  })

  it('sends from http to the same address of https, whatever the address tries', async () => {
    expect((await to(81, { path: '/a?b=c', headers: { host: 'www.example.org:81' } }))).toMatchObject({ status: 308, headers: { location: 'https://www.example.org/a?b=c' } })
    expect((await to(82, { headers: { host: 'www.example.org' } })).headers.location).toBe('https://www.example.org:8443/')
    const { text } = await send(81, 'GET /%0d%0aSet-Cookie:%20x=1 HTTP/1.1\r\nHost: www.example.org\r\n\r\n')
    expect(text).toMatch(/^location: https:\/\/www\.example\.org\/%0d%0aSet-Cookie:%20x=1\r$/m)
    expect(text).not.toMatch(/^set-cookie/im)
  })

  it('says who asked in place of what the client says of that', async () => {
    seen = []
    const lies = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil', 'x-forwarded-anything': '1', x_forwarded_for: '6.6.6.6', forwarded: 'for=6.6.6.6', 'x-real-ip': '6.6.6.6', 'true-client-ip': '6.6.6.6', proxy: 'http://6.6.6.6' }
    await to(86, { headers: { host: 'www.example.org', ...lies } })
    expect(seen[0]?.headers).toMatchObject({ 'x-forwarded-for': lab.here, 'x-real-ip': lab.here, 'x-forwarded-proto': 'http', 'x-forwarded-host': 'www.example.org', 'x-forwarded-port': '86' })
    expect(JSON.stringify(seen[0])).not.toMatch(/6\.6\.6\.6|evil|anything|x_forwarded/)
  })

  it.each<[string, string, number | 'harmless']>([
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 400],
    ['a list of lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabcd', 400],
    ['a length with a sign', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc', 400],
    ['a length and chunks', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX', 'harmless'],
    ['an unknown coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n', 400],
    ['two codings', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n', 400],
    ['a coding behind a control character', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\nContent-Length: 3\r\n\r\nabc', 400],
    ['a blank before the colon', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc', 400],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n Content-Length: 5\r\n\r\n', 'harmless'],
    ['line ends without CR', 'GET / HTTP/1.1\nHost: a\nX-A: b\n\n', 'harmless'],
    ['a CR within a line', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rX-B: c\r\n\r\n', 400],
    ['a NUL', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n', 400],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['another host in the address', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['an extension of a chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x="\r\nabc\r\n0\r\n\r\n', 'harmless'],
    ['a chunk of a bad size', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n', 400],
    ['a head without an end', `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'b'.repeat(20_000)}\r\n\r\n`, 400],
    ['too many lines', `GET / HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(200)}\r\n`, 400],
    ['a blank in the address', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['no protocol', 'GET /\r\n\r\n', 400],
    ['another protocol', 'SSH-2.0-x\r\n\r\n', 400],
    ['a tunnel in it', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 405],
    ['a choice of upgrades', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n', 400],
    ['two upgrades', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n', 400],
  ])('a request with %s is refused, or means one thing to all', async (_, bytes, expected) => {
    seen = []
    const answer = await send(86, `${bytes}`)
    if (expected !== 'harmless') return expect({ status: statusOf(answer), seen }).toEqual({ status: expected, seen: [] })
    expect(statusOf(answer)).toBe(200)
    expect(seen).toHaveLength(1)
    const [{ headers, body, names }] = seen as [Seen]
    // Never both, and no line that one of two readers takes for another's.
    expect(headers['content-length'] !== undefined && headers['transfer-encoding'] !== undefined).toBe(false)
    expect(['', 'abc']).toContain(body)
    expect(names.filter((name) => /length/i.test(name)).length).toBeLessThanOrEqual(1)
  })

  it('gives the certificate of the name that is asked for, else the first, over TLS 1.2 and 1.3 alone', async () => {
    const hello = async (options: object) => {
      const socket = connectTls({ host: lab.address, port: 443, rejectUnauthorized: false, ...options })
      await once(socket, 'secureConnect')
      const said = { name: socket.getPeerCertificate().subject.CN, protocol: socket.getProtocol(), alpn: socket.alpnProtocol }
      socket.destroy()
      return said
    }
    expect(await hello({ servername: 'second.example.org', ALPNProtocols: ['h2', 'http/1.1'] })).toEqual({ name: 'second.example.org', protocol: 'TLSv1.3', alpn: 'h2' })
    expect(await hello({ servername: 'first.example.org', maxVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] })).toEqual({ name: 'first.example.org', protocol: 'TLSv1.2', alpn: 'http/1.1' })
    expect((await hello({ servername: 'other.example.org' })).name).toBe('first.example.org')
    expect((await hello({})).name).toBe('first.example.org')
    await expect(hello({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).rejects.toThrow()
  })

  it('serves HTTP/2, and a renewed certificate cuts no connection', async () => {
    const session = connectHttp2(`https://${lab.address}`, { servername: 'second.example.org', rejectUnauthorized: false })
    expect(await over(session, { ':path': '/before' })).toMatchObject({ status: 200, body: 'a' })
    const renewed = await lab.certificate('second.example.org', second)
    certificates.set(second, renewed)
    await bring()
    expect(await over(session, { ':path': '/after' })).toMatchObject({ status: 200, body: 'a' })
    session.close()
    const socket = connectTls({ host: lab.address, port: 443, servername: 'second.example.org', ca: renewed.pem })
    await once(socket, 'secureConnect')
    expect(socket.authorized).toBe(true)
    socket.destroy()
  })

  it('leaves a certificate that is not its key\'s, and says so; the one before serves on', async () => {
    const good = certificates.get(second)
    const other = await lab.certificate('second.example.org', second)
    const mixed = `${/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----\n/.exec(other.pem)?.[0]}${/-----BEGIN PRIVATE KEY-----[^]*/.exec(good?.pem ?? '')?.[0]}`
    certificates.set(second, { id: second, revision: 'mixed', pem: mixed })
    const problem = await bring()
    expect(problem).toMatch(/its key is not the key of the certificate/)
    expect(problem).not.toMatch(/PRIVATE|\/balancer/)
    expect((await overTls()).status).toBe(200)
    if (good) certificates.set(second, good)
    expect(await bring()).toBe(null)
  })

  it.each(['h2c', 'h2c, tls/1.0', 'tls/1.0'])('offers no pod an upgrade to %s, in which requests would come that no rule has seen', async (upgrade) => {
    seen = []
    const answer = await send(86, `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n`)
    expect(statusOf(answer)).toBe(200)
    expect(Object.keys(seen[0]?.headers ?? {}).filter((name) => /upgrade|http2/.test(name))).toEqual([])
  })

  it('carries WebSockets, both ways', async () => {
    const pod = servers.get('a')?.[0] as BalancerServer & { server: import('node:http').Server }
    pod.server.on('upgrade', (_: IncomingMessage, socket: import('node:net').Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')
      socket.pipe(socket)
    })
    const socket = connect(86, lab.address)
    socket.write('GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
    const [head] = (await once(socket, 'data')) as [Buffer]
    expect(head.toString()).toMatch(/^HTTP\/1\.1 101/)
    socket.write('\x82\x02hi', 'latin1')
    const [echo] = (await once(socket, 'data')) as [Buffer]
    expect(echo.toString('latin1')).toBe('\x82\x02hi')
    socket.destroy()
  })

  it('carries gRPC: HTTP/2 without TLS on both sides, with trailers', async () => {
    const session = connectHttp2(`http://${lab.address}:85`)
    expect(await over(session, { ':path': '/helloworld.Greeter/SayHello', ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }, '\0\0\0\0\x02hi')).toEqual({ status: 200, body: '\0\0\0\0\x02hi', trailers: expect.objectContaining({ 'grpc-status': '0' }) as object })
    session.close()
    expect(await haproxy.serversDown()).toEqual([])
  })

  it('takes a client\'s word of the PROXY protocol where it shall, and gives it', async () => {
    seen = []
    expect(statusOf(await send(83, 'PROXY TCP4 192.0.2.7 192.0.2.8 5000 83\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'))).toBe(200)
    expect(seen[0]?.headers['x-forwarded-for']).toBe('192.0.2.7')
    expect(statusOf(await send(83, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'))).not.toBe(200)
    const { text } = await raw(lab.address, 5001, 'hello')
    expect(text.slice(0, 12)).toBe('\r\n\r\n\0\r\nQUIT\n')
    expect(text.slice(16, 20)).toBe(Buffer.from(lab.here.split('.').map(Number)).toString('latin1'))
  })

  it('passes TCP through, half-closed ends too', async () => {
    const socket = connect({ port: 5000, host: lab.address, allowHalfOpen: true })
    socket.end('all of it')
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text).toBe('all of it')
  })

  it('keeps a client with its pod by a cookie, also one that came while it runs', async () => {
    const { headers, body } = await to(84)
    const cookie = headers['set-cookie']?.[0] ?? ''
    expect(cookie).toMatch(/^STICK=[0-9a-f]{16}; path=\/; HttpOnly; SameSite=Lax/i)
    const same = () => Promise.all(Array.from({ length: 6 }, async () => (await to(84, { headers: { cookie: cookie.split(';')[0] } })).body))
    expect(new Set(await same())).toEqual(new Set([body]))
    const three = await lab.pod((_, response) => void response.end('three'))
    servers.set('sticky', [...(servers.get('sticky') ?? []), three])
    await bring()
    expect(new Set(await same())).toEqual(new Set([body]))
    const answers = await Promise.all(Array.from({ length: 6 }, () => to(84)))
    const found = answers.find((answer) => answer.body === 'three')
    expect(found?.headers['set-cookie']?.[0]).toMatch(/^STICK=[0-9a-f]{16};/)
    const third = await to(84, { headers: { cookie: found?.headers['set-cookie']?.[0]?.split(';')[0] } })
    expect(third.body).toBe('three')
  })

  it('refuses bodies above the limit, and such of a length that nobody says', async () => {
    await bring({ maxBodyBytes: 10 })
    expect((await to(86, { method: 'POST', body: '0123456789' })).status).toBe(200)
    expect((await to(86, { method: 'POST', headers: { 'content-length': 11 }, body: '0123456789a' })).status).toBe(413)
    expect(statusOf(await send(86, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'))).toBe(411)
    const session = connectHttp2(`https://${lab.address}`, { rejectUnauthorized: false })
    expect((await over(session, { ':path': '/' })).status).toBe(200)
    expect((await over(session, { ':path': '/', ':method': 'POST' }, 'a')).status).toBe(411)
    expect((await over(session, { ':path': '/', ':method': 'POST', 'content-length': '1' }, 'a')).status).toBe(200)
    session.close()
  })

  it('lets clients in by their address alone where a list says whom', async () => {
    await bring({ allow: ['203.0.113.0/24'] })
    expect(await send(86, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ text: '', ended: true })
    expect(await raw(lab.address, 5000, 'x')).toMatchObject({ text: '', ended: true })
    // Who speaks the PROXY protocol is who it says.
    expect(statusOf(await send(83, 'PROXY TCP4 203.0.113.7 192.0.2.8 5000 83\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'))).toBe(200)
    await bring({ allow: [`${lab.here}/32`] })
    expect((await to(86)).status).toBe(200)
    expect(await send(83, 'PROXY TCP4 203.0.113.7 192.0.2.8 5000 83\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({ text: '' })
  })

  it('bounds a client\'s requests and connections, and no other\'s', async () => {
    await bring({ ratePerSecond: 2 })
    const statuses = await Promise.all(Array.from({ length: 30 }, async () => (await to(86)).status))
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
    expect(statuses.filter((status) => status === 429)).toHaveLength(10)
    expect(statusOf(await send(83, 'PROXY TCP4 192.0.2.9 192.0.2.8 5000 83\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'))).toBe(200)
  })

  it('cuts who takes too long for a head, and bears two thousand who say nothing', async () => {
    await bring({ requestSeconds: 1 })
    const slow = raw(lab.address, 86, 'GET / HTTP/1.1\r\nHost: a\r\nX-A: ', { timeoutMs: 5_000 })
    const silent = await idle(lab.address, 86, 1_000)
    const streaming = await idle(lab.address, 5000, 1_000, 'x')
    expect((await to(80)).status).toBe(200)
    const answer = await slow
    expect(answer.ended).toBe(true)
    expect(answer.milliseconds).toBeGreaterThan(900)
    expect(answer.milliseconds).toBeLessThan(3_000)
    for (const socket of [...silent, ...streaming]) socket.destroy()
  })

  it('bears a client of HTTP/2 that asks for more than it takes, and one that takes back what it asks', async () => {
    const session = connectHttp2(`http://${lab.address}:86`)
    await once(session, 'remoteSettings')
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100)
    for (let i = 0; i < 3_000; i += 1) session.request({ ':path': `/${i}` }).on('error', () => {}).close(constants.NGHTTP2_CANCEL)
    session.on('error', () => {})
    expect((await to(86)).status).toBe(200)
    session.destroy()
    const large = connectHttp2(`http://${lab.address}:86`)
    large.on('error', () => {})
    seen = []
    const refused = large.request({ ':path': '/', 'x-large': 'a'.repeat(40_000) })
    await new Promise((resolve) => refused.on('error', () => {}).on('close', resolve))
    expect(seen).toEqual([])
    large.destroy()
    expect((await to(86)).status).toBe(200)
  })

  it('logs what was asked, and nothing of it can be forged', async () => {
    await bring()
    const marks = ['/"],"x":"\\', '/a%0a[1,2]', "/'{}|%00", `/${'z'.repeat(3_000)}`, '/\x7f', '/é']
    for (const path of marks) await send(88, `GET ${path} HTTP/1.1\r\nHost: log.test\r\n\r\n`)
    await send(88, 'GET /?token=secret HTTP/1.1\r\nHost: log.test\r\nAuthorization: Bearer secret\r\nCookie: a=secret\r\n\r\n')
    await send(88, 'GET /bad HTTP/1.1\r\nHost: "],[\r\n\r\n')
    const lines = []
    // Those of the two thousand may still end.
    for await (const line of haproxy.log({ tailLines: 5_000, follow: false }, new AbortController().signal)) if (line.listener === 88) lines.push(line)
    lines.splice(0, lines.length - 8)
    expect(lines.slice(0, 3).map(({ path, host, rule: id, status }) => ({ path, host, id, status }))).toEqual(marks.slice(0, 3).map((path) => ({ path, host: 'log.test', id: 'any', status: 200 })))
    expect(lines[3]?.path).toHaveLength(512)
    expect(lines.every(({ client }) => client === lab.here)).toBe(true)
    expect(lines.at(-1)).toMatchObject({ status: 400, backend: null, server: null })
    expect(JSON.stringify(lines)).not.toContain('secret')
    const off = new AbortController()
    const followed = haproxy.log({ tailLines: 1, follow: true }, off.signal)[Symbol.asyncIterator]()
    expect((await followed.next()).value).toMatchObject({ client: lab.here })
    await to(88, { path: '/followed' })
    let line = await followed.next()
    while (line.done !== true && line.value.path !== '/followed') line = await followed.next()
    expect(line.value).toMatchObject({ method: 'GET', rule: 'any', milliseconds: expect.any(Number) as number })
    off.abort()
    for (line = await followed.next(); line.done !== true; ) line = await followed.next()
  })

  it('logs a part of what succeeds where that is very much, and all that fails', async () => {
    await bring()
    const [asked, failing] = [600, 60]
    const linesOf = async (port: number) => {
      const lines = []
      for await (const line of haproxy.log({ tailLines: 5_000, follow: false }, new AbortController().signal)) if (line.listener === port) lines.push(line)
      return lines
    }
    const agent = new Agent({ keepAlive: true, maxSockets: 6 })
    await Promise.all(Array.from({ length: asked }, async (_, i) => {
      expect((await to(89, { headers: { host: 'only.example.org' }, path: '/x', agent, timeout: 20_000 })).status).toBe(200)
      if (i % 10 === 0) expect((await to(89, { path: '/fails', agent, timeout: 20_000 })).status).toBe(404)
    }))
    agent.destroy()
    const lines = await linesOf(89)
    expect(lines.filter(({ status }) => status === 404)).toHaveLength(failing)
    // The first hundred of a second, and some of the others.
    const succeeded = lines.filter(({ status }) => status === 200).length
    expect(succeeded).toBeGreaterThan(0)
    expect(succeeded).toBeLessThan(asked)
  })

  it('counts requests, errors, bytes and latencies of the whole, of rules and backends', async () => {
    const parts = new Map((await haproxy.counters()).map((part) => [part.part, part]))
    await to(80, { path: '/api/v1', headers: { host: 'www.example.org' } })
    await to(87)
    const now = new Map((await haproxy.counters()).map((part) => [part.part, part]))
    const grown = (part: string, name: 'requests' | 'errors4xx' | 'receivedBytes') => (now.get(part)?.[name] ?? 0) - (parts.get(part)?.[name] ?? 0)
    expect([grown('', 'requests'), grown('', 'errors4xx'), grown('rule/exact', 'requests'), grown('backend/d', 'requests'), grown('backend/c', 'requests')]).toEqual([2, 1, 1, 1, 0])
    expect(grown('rule/exact', 'receivedBytes')).toBeGreaterThan(10)
    const latency = (part: string) => now.get(part)?.latency?.reduce((sum, count) => sum + count, 0)
    expect(latency('backend/d')).toBe(now.get('backend/d')?.requests)
    expect(latency('rule/exact')).toBe(now.get('rule/exact')?.requests)
    expect(now.get('backend/echo')).toMatchObject({ latency: null, requests: 0 })
    expect(now.get('backend/echo')?.connections).toBeGreaterThan(1_000)
  })

  async function overTls() {
    const session = connectHttp2(`https://${lab.address}`, { servername: 'second.example.org', rejectUnauthorized: false })
    const answer = await over(session, { ':path': '/' })
    session.close()
    return answer
  }
})

/** One request of HTTP/2. */
async function over(session: ClientHttp2Session, headers: Record<string, string>, body?: string): Promise<{ status: number; body: string; trailers: object | null }> {
  const stream = session.request(headers, { endStream: body === undefined })
  let [text, status] = ['', 0]
  let trailers: object | null = null
  stream.on('response', (response) => (status = Number(response[constants.HTTP2_HEADER_STATUS])))
  stream.on('trailers', (given) => (trailers = given))
  stream.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  if (body !== undefined) stream.end(body, 'latin1')
  await once(stream, 'close')
  return { status, body: text, trailers }
}
