import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BalancerServer } from '@/domain/load-balancer/model'
import { over, raw, statusOf } from './testing/client'
import { RequestsLab, second } from './testing/requests-lab'

describe.runIf(process.getuid?.() === 0)('what a balancer speaks', () => {
  let at: RequestsLab

  beforeAll(async () => {
    at = await RequestsLab.open()
    expect(await at.bring()).toBe(null)
  })
  afterAll(() => at.lab.close())

  it('gives the certificate of the name that is asked for, else the first, over TLS 1.2 and 1.3 alone', async () => {
    const hello = async (options: object) => {
      const socket = connectTls({ host: at.lab.address, port: 443, rejectUnauthorized: false, ...options })
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
    const session = connectHttp2(`https://${at.lab.address}`, { servername: 'second.example.org', rejectUnauthorized: false })
    expect(await over(session, { ':path': '/before' })).toMatchObject({ status: 200, body: 'a' })
    const renewed = await at.lab.certificate('second.example.org', second)
    at.certificates.set(second, renewed)
    await at.bring()
    expect(await over(session, { ':path': '/after' })).toMatchObject({ status: 200, body: 'a' })
    session.close()
    const socket = connectTls({ host: at.lab.address, port: 443, servername: 'second.example.org', ca: renewed.pem })
    await once(socket, 'secureConnect')
    expect(socket.authorized).toBe(true)
    socket.destroy()
  })

  it('leaves a certificate that is not its key\'s, and says so; the one before serves on', async () => {
    const good = at.certificates.get(second)
    const other = await at.lab.certificate('second.example.org', second)
    const mixed = `${/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----\n/.exec(other.pem)?.[0]}${/-----BEGIN PRIVATE KEY-----[^]*/.exec(good?.pem ?? '')?.[0]}`
    at.certificates.set(second, { id: second, revision: 'mixed', pem: mixed })
    const problem = await at.bring()
    expect(problem).toMatch(/its key is not the key of the certificate/)
    expect(problem).not.toMatch(/PRIVATE|\/balancer/)
    expect((await overTls()).status).toBe(200)
    if (good) at.certificates.set(second, good)
    expect(await at.bring()).toBe(null)
  })

  it('carries WebSockets, both ways', async () => {
    const pod = at.servers.get('a')?.[0] as BalancerServer & { server: import('node:http').Server }
    pod.server.removeAllListeners('upgrade').on('upgrade', (_: IncomingMessage, socket: import('node:net').Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')
      socket.pipe(socket)
    })
    const socket = connect(86, at.lab.address)
    socket.write('GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
    const [head] = (await once(socket, 'data')) as [Buffer]
    expect(head.toString()).toMatch(/^HTTP\/1\.1 101/)
    socket.write('\x82\x02hi', 'latin1')
    const [echo] = (await once(socket, 'data')) as [Buffer]
    expect(echo.toString('latin1')).toBe('\x82\x02hi')
    socket.destroy()
  })

  it('carries gRPC: HTTP/2 without TLS on both sides, with trailers', async () => {
    const session = connectHttp2(`http://${at.lab.address}:85`)
    expect(await over(session, { ':path': '/helloworld.Greeter/SayHello', ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }, '\0\0\0\0\x02hi')).toEqual({ status: 200, body: '\0\0\0\0\x02hi', trailers: expect.objectContaining({ 'grpc-status': '0' }) as object })
    session.close()
    expect(await at.haproxy.serversDown()).toEqual([])
  })

  it('takes a client\'s word of the PROXY protocol where it shall, and gives it', async () => {
    at.seen = []
    expect(statusOf(await at.send(83, 'PROXY TCP4 192.0.2.7 192.0.2.8 5000 83\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'))).toBe(200)
    expect(at.seen[0]?.headers['x-forwarded-for']).toBe('192.0.2.7')
    expect(statusOf(await at.send(83, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'))).not.toBe(200)
    const { text } = await raw(at.lab.address, 5001, 'hello')
    expect(text.slice(0, 12)).toBe('\r\n\r\n\0\r\nQUIT\n')
    expect(text.slice(16, 20)).toBe(Buffer.from(at.lab.here.split('.').map(Number)).toString('latin1'))
  })

  it('passes TCP through, half-closed ends too', async () => {
    const socket = connect({ port: 5000, host: at.lab.address, allowHalfOpen: true })
    socket.end('all of it')
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text).toBe('all of it')
  })

  it('keeps a client with its pod by a cookie, also one that came while it runs', async () => {
    const { headers, body } = await at.to(84)
    const cookie = headers['set-cookie']?.[0] ?? ''
    expect(cookie).toMatch(/^STICK=[0-9a-f]{16}; path=\/; HttpOnly; SameSite=Lax/i)
    const same = () => Promise.all(Array.from({ length: 6 }, async () => (await at.to(84, { headers: { cookie: cookie.split(';')[0] } })).body))
    expect(new Set(await same())).toEqual(new Set([body]))
    const three = await at.lab.pod((_, response) => void response.end('three'))
    at.servers.set('sticky', [...(at.servers.get('sticky') ?? []), three])
    await at.bring()
    expect(new Set(await same())).toEqual(new Set([body]))
    const answers = await Promise.all(Array.from({ length: 6 }, () => at.to(84)))
    const found = answers.find((answer) => answer.body === 'three')
    expect(found?.headers['set-cookie']?.[0]).toMatch(/^STICK=[0-9a-f]{16};/)
    const third = await at.to(84, { headers: { cookie: found?.headers['set-cookie']?.[0]?.split(';')[0] } })
    expect(third.body).toBe('three')
  })

  async function overTls() {
    const session = connectHttp2(`https://${at.lab.address}`, { servername: 'second.example.org', rejectUnauthorized: false })
    const answer = await over(session, { ':path': '/' })
    session.close()
    return answer
  }
})
