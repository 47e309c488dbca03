import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { containerSpec } from '@/domain/pod/spec'
import { systemClock, type Clock } from '../clock'
import { GuestRefusal } from '../ports'
import { FakeClock } from '../testing/fake-clock'
import { check, hook } from './check'
import { healthRequest, healthStatus } from './grpc-check'
import type { CheckResult } from './result'
import type { CheckTarget } from './target'
import { TroubleEvents } from './trouble-events'

const servers: Server[] = []
const sockets: Duplex[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

async function listening<T extends Server>(server: T): Promise<number> {
  servers.push(server)
  server.on('connection', (socket) => sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A socket as a tunnel of the guest is: a stream that is no socket of Node's. */
function tunnelOf(socket: Socket): Duplex {
  const tunnel = new Duplex({
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk) => void (tunnel.push(chunk) || socket.pause()))
  socket.on('end', () => tunnel.push(null))
  socket.on('error', (error) => tunnel.destroy(error))
  return tunnel
}

/** A guest whose tunnels are connections to loopback. */
const guest: CheckTarget['guest'] = {
  exec: () => Promise.reject(new Error('no exec')),
  openTunnel: (port) =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      sockets.push(socket)
      socket.once('connect', () => resolve(tunnelOf(socket)))
      socket.once('error', () => reject(new GuestRefusal('ConnectionRefused', 'connection refused')))
    }),
}

const run = (port: number, probe: object, to: CheckTarget['guest'] = guest, clock: Clock = systemClock) => {
  const container = containerSpec.parse({ name: 'web', image: 'i', ports: [{ name: 'main', containerPort: port }], livenessProbe: { timeoutSeconds: 60, ...probe } })
  if (!container.livenessProbe) throw new Error('no probe')
  return check(container.livenessProbe, { guest: to, clock, container, podIP: '10.0.0.5' }, new AbortController().signal)
}

/** A check whose time is over without an answer. */
async function timedOut(start: (clock: Clock) => Promise<CheckResult>): Promise<CheckResult> {
  const clock = new FakeClock()
  const result = start(clock)
  await clock.advance(1_000)
  return result
}

describe('httpGet', () => {
  it.each([[200, 'success'], [204, 'success'], [399, 'warning'], [302, 'warning'], [400, 'failure'], [404, 'failure'], [503, 'failure'], [199, 'failure']])('answered with %d is %s', async (status, outcome) => {
    const port = await listening(createServer((_request, response) => response.writeHead(status === 199 ? 500 : status).end('x')))
    expect((await run(port, { httpGet: { port } })).outcome).toBe(outcome)
  })

  it('asks the path by the name of a port, as the kubelet does, with the headers of the pod', async () => {
    const seen: { url: string | undefined; headers: object }[] = []
    const port = await listening(createServer((request, response) => {
      seen.push({ url: request.url, headers: request.headers })
      response.end()
    }))
    expect(await run(port, { httpGet: { port: 'main', path: '/health?a=b', httpHeaders: [{ name: 'X-Custom', value: 'y' }] } })).toEqual({ outcome: 'success', message: '' })
    expect(await run(port, { httpGet: { port, httpHeaders: [{ name: 'Host', value: 'name.example' }] } })).toMatchObject({ outcome: 'success' })
    expect(seen).toMatchObject([{ url: '/health?a=b', headers: { host: `10.0.0.5:${port}`, 'x-custom': 'y', 'user-agent': expect.stringContaining('kube-probe/') } }, { url: '/', headers: { host: 'name.example' } }])
  })

  it('follows redirects to the same host, warns of others, and gives up a circle', async () => {
    const answer: RequestListener = (request, response) => {
      const to = { '/same': '/ok', '/bad': '/missing', '/other': 'http://example.com/', '/circle': '/circle' }[request.url ?? '']
      if (to) response.writeHead(302, { Location: to }).end()
      else response.writeHead(request.url === '/ok' ? 200 : 404).end()
    }
    const port = await listening(createServer(answer))
    const outcomes = await Promise.all(['/same', '/bad', '/other', '/circle'].map((path) => run(port, { httpGet: { port, path } })))
    expect(outcomes.map((o) => o.outcome)).toEqual(['success', 'failure', 'warning', 'failure'])
    expect(outcomes[3]?.message).toContain('stopped after 10 redirects')
  })

  it('takes a body without an end as it takes a short one, and reads little of it', async () => {
    let sent = 0
    const port = await listening(createServer((_request, response) => {
      response.writeHead(200)
      const more = () => {
        if (response.destroyed || response.closed) return
        sent += 1 << 14
        response.write(Buffer.alloc(1 << 14), () => setImmediate(more))
      }
      more()
    }))
    expect((await run(port, { httpGet: { port } })).outcome).toBe('success')
    expect(sent).toBeLessThan(64 << 20)
  })

  it('over TLS does not verify the certificate', async () => {
    const { key, cert } = await certificate()
    const port = await listening(createSecureServer({ key, cert }, (_request, response) => response.end('ok')))
    expect(await run(port, { httpGet: { port, scheme: 'HTTPS' } })).toEqual({ outcome: 'success', message: '' })
    expect((await run(port, { httpGet: { port } })).outcome).toBe('failure')
  })

  it('tells who does not listen, who says nonsense and who says nothing', async () => {
    expect(await run(9, { httpGet: { port: 9 } }, { ...guest, openTunnel: () => Promise.reject(new GuestRefusal('ConnectionRefused', 'x')) })).toMatchObject({ outcome: 'failure', message: expect.stringContaining('nothing listens on port 9') })
    const nonsense = await listening(createTcpServer((socket) => socket.end('SSH-2.0-x\r\n\r\n')))
    expect((await run(nonsense, { httpGet: { port: nonsense } })).outcome).toBe('failure')
    const silent = await listening(createTcpServer(() => {}))
    expect(await timedOut((clock) => run(silent, { httpGet: { port: silent }, timeoutSeconds: 1 }, guest, clock))).toEqual({ outcome: 'failure', message: 'probe timed out after 1s' })
  })

  it('destroys a tunnel that is opened only after its time', async () => {
    const late = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    let open: (tunnel: Duplex) => void = () => {}
    const result = await timedOut((clock) => run(1, { httpGet: { port: 1 }, timeoutSeconds: 1 }, { ...guest, openTunnel: () => new Promise((resolve) => (open = resolve)) }, clock))
    expect(result.outcome).toBe('failure')
    open(late)
    await new Promise((resolve) => late.once('close', resolve))
    expect(late.destroyed).toBe(true)
  })
})

describe('tcpSocket', () => {
  it('is well where something listens', async () => {
    const port = await listening(createTcpServer((socket) => socket.on('error', () => {})))
    expect((await run(port, { tcpSocket: { port } })).outcome).toBe('success')
    expect(await run(9, { tcpSocket: { port: 9 } }, { ...guest, openTunnel: () => Promise.reject(new GuestRefusal('ConnectionRefused', 'x')) })).toEqual({ outcome: 'failure', message: 'dial tcp 10.0.0.5:9: nothing listens on port 9' })
  })
})

describe('grpc', () => {
  const health = (answer: (stream: ServerHttp2Stream, body: Buffer) => void) => {
    const server = createHttp2Server()
    server.on('stream', (stream, headers) => {
      expect(headers[':path']).toBe('/grpc.health.v1.Health/Check')
      const body: Buffer[] = []
      stream.on('data', (chunk: Buffer) => body.push(chunk))
      stream.on('end', () => answer(stream, Buffer.concat(body)))
      stream.on('error', () => {})
    })
    return listening(server as unknown as Server)
  }
  const respond = (stream: ServerHttp2Stream, message: Buffer, status = '0') => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.end(message)
  }
  const serving = (status: number) => Buffer.from([0, 0, 0, 0, 2, 8, status])

  it('asks for the service by its name and is well while it serves', async () => {
    const asked: Buffer[] = []
    const port = await health((stream, body) => {
      asked.push(body)
      respond(stream, serving(1))
    })
    expect(await run(port, { grpc: { port, service: 'db' } })).toEqual({ outcome: 'success', message: '' })
    expect(asked[0]).toEqual(Buffer.from([0, 0, 0, 0, 4, 10, 2, 100, 98]))
  })

  it.each([[2, '0', 'NOT_SERVING'], [0, '0', 'UNKNOWN'], [1, '12', 'does not implement'], [1, '5', 'gRPC status 5']])('answered with %d and status %s is not', async (value, status, message) => {
    const port = await health((stream) => respond(stream, serving(value), status))
    expect(await run(port, { grpc: { port } })).toMatchObject({ outcome: 'failure', message: expect.stringContaining(message) })
  })

  it('fails of a server that speaks no HTTP/2, and of one that says nothing', async () => {
    const other = await listening(createTcpServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    expect((await run(other, { grpc: { port: other } })).outcome).toBe('failure')
    const closing = await listening(createTcpServer((socket) => socket.on('error', () => {}).destroy()))
    expect((await run(closing, { grpc: { port: closing } })).outcome).toBe('failure')
    const dead = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }).destroy()
    expect((await run(1, { grpc: { port: 1 } }, { ...guest, openTunnel: async () => dead })).outcome).toBe('failure')
    const silent = await listening(createTcpServer((socket) => socket.on('error', () => {})))
    expect(await timedOut((clock) => run(silent, { grpc: { port: silent }, timeoutSeconds: 1 }, guest, clock))).toMatchObject({ outcome: 'failure' })
  })

  it('encodes a long name, and reads a message without a status as unknown', () => {
    expect(healthRequest('x'.repeat(200)).subarray(0, 8)).toEqual(Buffer.from([0, 0, 0, 0, 203, 10, 200, 1]))
    expect(healthStatus(Buffer.from([0, 0, 0, 0, 0]))).toBe(0)
  })
})

describe('a hook', () => {
  const target = { guest, clock: systemClock, container: containerSpec.parse({ name: 'web', image: 'i' }), podIP: '10.0.0.5' }
  it('that asks over HTTP is done at the answer', async () => {
    const port = await listening(createServer((_request, response) => response.end()))
    const container = containerSpec.parse({ name: 'web', image: 'i', lifecycle: { postStart: { httpGet: { port } } } })
    expect((await hook(container.lifecycle?.postStart ?? {}, { ...target, container }, new AbortController().signal)).outcome).toBe('success')
  })
  it('sleeps, until it is stopped', async () => {
    const stop = new AbortController()
    const clock = new FakeClock()
    const sleeping = hook({ sleep: { seconds: 60 } }, { ...target, clock }, stop.signal)
    stop.abort(new Error('over'))
    expect((await sleeping).outcome).toBe('unknown')
    const slept = hook({ sleep: { seconds: 60 } }, { ...target, clock }, new AbortController().signal)
    await clock.advance(60_000)
    expect((await slept).outcome).toBe('success')
  })
})

describe('events of trouble', () => {
  it('tell the same in a row at its 1st, 2nd, 4th, … time, and all together at the kubelet\'s rate', async () => {
    const clock = new FakeClock()
    const told: string[] = []
    const events = new TroubleEvents(clock, (_reason, message) => told.push(message))
    for (let i = 0; i < 100; i += 1) events.tell('web', 'Unhealthy', 'no')
    expect(told).toEqual(['no', ...[2, 4, 8, 16, 32, 64].map((n) => `no (${n} times in a row)`)])
    for (let i = 0; i < 100; i += 1) events.tell('web', 'Unhealthy', `no ${i}`)
    expect(told).toHaveLength(25)
    await clock.advance(600_000)
    for (let i = 0; i < 100; i += 1) events.tell('web', 'Unhealthy', `no ${i}`)
    expect(told).toHaveLength(27)
  })
})

/** A certificate that nobody signed but itself. */
async function certificate(): Promise<{ key: string; cert: string }> {
  const { run: exec } = await import('@/platform/exec')
  const { stdout } = await exec('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=wrong', '-keyout', '-', '-out', '-'])
  const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/.exec(stdout)?.[0] ?? ''
  const cert = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(stdout)?.[0] ?? ''
  return { key, cert }
}
