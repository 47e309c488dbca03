import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer as createHttpServer, request } from 'node:http'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { Egress, type EgressOptions } from './egress'
import { connectDirectly, type System } from './reach'

let folder = ''
const closing: (() => unknown)[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-'))
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await rm(folder, { recursive: true })
})

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  closing.push(() => {
    server.close()
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function') server.closeAllConnections()
  })
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function open(options: Partial<EgressOptions> & { system?: System } = {}): Promise<Egress> {
  const egress = await Egress.open({ folder, place: folder, uid: 0, allowed: [], privateRegistries: 'all', maxBytes: 1 << 20, ...options })
  closing.push(() => egress.close())
  return egress
}

/** What the proxy answers to CONNECT, and the connection when it is open. */
async function tunnel(egress: Egress, target: string): Promise<{ status: string; socket: Socket }> {
  const socket = connect(egress.listeners[0]?.socket ?? '')
  closing.push(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  const [answer]: unknown[] = await once(socket, 'data')
  return { status: String(answer).split('\r\n')[0] ?? '', socket }
}

/** A system in which names mean what the test says; connections end at `port` on loopback, and are noted. */
function fake(answers: Record<string, string[][]>, port: number, env: NodeJS.ProcessEnv = { NODE_ENV: 'test' }) {
  const connected: string[] = []
  const lookups: string[] = []
  const system: System = {
    lookup: (host) => {
      lookups.push(host)
      const next = answers[host]?.shift()
      return next ? Promise.resolve(next) : Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
    },
    connect: (address, wanted) => {
      connected.push(`${address}:${wanted}`)
      return connectDirectly('127.0.0.1', port)
    },
    env,
  }
  return { system, connected, lookups }
}

/** A promise and what fulfils it. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

const echo = () => listening(createServer((socket) => socket.on('error', () => {}).pipe(socket)))

describe('the way out of a puller', () => {
  it('is to the very address that was looked at: a name that then means this host changes nothing', async () => {
    const { system, connected, lookups } = fake({ 'rebinds.example': [['203.0.113.7'], ['127.0.0.1']] }, await echo())
    const egress = await open({ system })
    const { status, socket } = await tunnel(egress, 'rebinds.example:443')
    expect(status).toBe('HTTP/1.1 200 connected')
    socket.write('hello')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    expect([connected, lookups]).toEqual([['203.0.113.7:443'], ['rebinds.example']])
    expect((await tunnel(egress, 'rebinds.example:443')).status).toContain('forbidden')
    expect(connected).toHaveLength(1)
  })

  it('is closed for a name with one forbidden address among others, and for what is no destination', async () => {
    const { system, connected } = fake({ 'mixed.example': [['203.0.113.7', '169.254.169.254']], 'mapped.example': [['::ffff:10.0.0.1'], ['::ffff:127.0.0.1']] }, 1)
    const egress = await open({ system })
    for (const target of ['mixed.example:443', '127.0.0.1:80', '[::1]:80', '[64:ff9b::a9fe:a9fe]:80', '[2002:7f00:1::]:80', '100.64.1.1:443', '224.0.0.1:443', '192.0.0.192:80', '100.100.100.200:80']) expect([target, (await tunnel(egress, target)).status]).toEqual([target, 'HTTP/1.1 502 forbidden destination'])
    for (const target of ['example', 'a/b:1', 'example:99999', ':443', 'example:0']) expect((await tunnel(egress, target)).status).toContain('400')
    expect(connected).toEqual([])
    expect(egress.refused).toMatchObject({ place: 'mixed.example:443', kind: 'forbidden' })
  })

  it('into private networks is noticed, and closed where the operator wants that', async () => {
    const port = await echo()
    const first = fake({ 'in.example': [['10.1.2.3']], 'other.example': [['fd12::1']] }, port)
    const egress = await open({ system: first.system })
    expect((await tunnel(egress, '203.0.113.1:443')).status).toContain('200')
    expect(egress.touchedPrivate).toBe(false)
    expect((await tunnel(egress, 'in.example:443')).status).toContain('200')
    expect(egress.touchedPrivate).toBe(true)
    const second = fake({ 'in.example': [['10.1.2.3']], 'other.example': [['fd12::1']] }, port)
    await rm(folder, { recursive: true })
    folder = await mkdtemp(join(tmpdir(), 'egress-'))
    const closed = await open({ system: second.system, privateRegistries: ['in.example'] })
    expect((await tunnel(closed, 'in.example:443')).status).toContain('200')
    expect((await tunnel(closed, 'other.example:443')).status).toContain('forbidden')
    expect(closed.refused).toMatchObject({ kind: 'private' })
  })

  it('goes through the operator’s proxy, except where it need not', async () => {
    const asked: string[] = []
    const upstream = createHttpServer((incoming, outgoing) => {
      asked.push(`${incoming.method} ${incoming.url} ${incoming.headers['proxy-authorization']}`)
      outgoing.end('from afar')
    })
    upstream.on('connect', (incoming, socket) => {
      asked.push(`${incoming.method} ${incoming.url} ${incoming.headers['proxy-authorization']}`)
      socket.on('error', () => {})
      socket.write('HTTP/1.1 200 ok\r\n\r\n')
      socket.pipe(socket)
    })
    const port = await listening(upstream)
    const proxy = 'http://user:pa%20ss@proxy.example:3128'
    const { system, connected } = fake({ 'proxy.example': [['10.9.9.9'], ['10.9.9.9']], 'near.example': [['203.0.113.9']], 'local.example': [['127.0.0.1']] }, port, { NODE_ENV: 'test', HTTPS_PROXY: proxy, http_proxy: proxy, NO_PROXY: 'near.example,192.0.2.0/24' })
    const egress = await open({ system })
    const { status, socket } = await tunnel(egress, 'only-the-proxy-knows.example:443')
    expect(status).toContain('200')
    socket.write('hi')
    expect(String((await once(socket, 'data'))[0])).toBe('hi')
    expect((await tunnel(egress, 'near.example:443')).status).toContain('200')
    expect((await tunnel(egress, 'local.example:443')).status).toContain('forbidden')
    const answer = await new Promise<string>((resolve, reject) => {
      const asking = request({ socketPath: egress.listeners[0]?.socket, path: 'http://203.0.113.5/v2/', headers: { host: '203.0.113.5' } }, (incoming) => incoming.on('data', (chunk) => resolve(String(chunk))))
      asking.on('error', reject)
      asking.end()
    })
    expect(answer).toBe('from afar')
    expect(connected).toEqual(['10.9.9.9:3128', '203.0.113.9:443', '10.9.9.9:3128'])
    const authorization = `Basic ${Buffer.from('user:pa ss').toString('base64')}`
    expect(asked).toEqual([`CONNECT only-the-proxy-knows.example:443 ${authorization}`, `GET http://203.0.113.5/v2/ ${authorization}`])
  })

  it('says why a connection failed, ends at the bound of bytes, and leaves nothing', async () => {
    const gone = await echo()
    const flood = await listening(createServer((socket) => {
      socket.on('error', () => {})
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(1 << 16)));
      }
      socket.on('drain', more)
      more()
    }))
    const port = await listening(createServer())
    const egress = await open({ allowed: [`127.0.0.1:${flood}`, '127.0.0.1:1', 'localhost:5'], maxBytes: 200_000 })
    expect((await tunnel(egress, '127.0.0.1:1')).status).toBe('HTTP/1.1 502 connection refused')
    expect((await tunnel(egress, 'registry.invalid:443')).status).toContain('502')
    expect(egress.refused).toBeNull()
    expect((await tunnel(egress, `127.0.0.1:${port}`)).status).toContain('forbidden')
    expect((await tunnel(egress, `127.0.0.1:${gone}`)).status).toContain('forbidden')
    const { socket } = await tunnel(egress, `127.0.0.1:${flood}`)
    let bytes = 0
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
    await once(socket, 'close')
    expect(bytes).toBeLessThan(2_000_000)
    expect(egress.listeners.map(({ address, port: at }) => `${address}:${at}`)).toEqual(['127.71.83.67:3128', `127.0.0.1:${flood}`, '127.0.0.1:1', '127.0.0.1:5'])
    await egress.close()
    expect(await readdir(folder)).toEqual([])
  })

  it('leads to what the operator lists as localhost, on either loopback and past the operator’s proxy', async () => {
    const [four, six] = [await echo(), await listening(createServer((socket) => socket.on('error', () => {}).pipe(socket)), '::1')]
    const { lookup } = fake({}, 1).system
    const egress = await open({ allowed: [`localhost:${four}`, `localhost:${six}`, `[::1]:${six}`], privateRegistries: [], system: { lookup, connect: connectDirectly, env: { NODE_ENV: 'test', HTTPS_PROXY: 'http://203.0.113.1:1' } } })
    expect(egress.listeners.slice(1).map(({ address, port }) => [address, port])).toEqual([['127.0.0.1', four], ['127.0.0.1', six], ['::1', six]])
    for (const { socket: path } of egress.listeners.slice(1)) {
      const socket = connect(path)
      closing.push(() => socket.destroy())
      socket.write('hello')
      expect(String((await once(socket, 'data'))[0])).toBe('hello')
    }
    // By the proxy it stays closed: only a name that is listed is let through there.
    expect((await tunnel(egress, `127.0.0.1:${four}`)).status).toContain('forbidden')
    expect(egress.refused).toMatchObject({ kind: 'forbidden' })
  })

  it('keeps no connection that comes about when the call, or who asked, has ended', async () => {
    const port = await echo()
    for (const who of ['call', 'client']) {
      for (const ask of ['CONNECT 203.0.113.1:443', 'GET http://203.0.113.1/v2/']) {
        const made: Socket[] = []
        const [asked, arrival] = [gate(), gate()]
        const late = async () => {
          asked.resolve()
          await arrival.promise
          const socket = await connectDirectly('127.0.0.1', port)
          made.push(socket)
          return socket
        }
        const egress = await open({ system: { ...fake({}, port).system, connect: late } })
        const client = connect(egress.listeners[0]?.socket ?? '')
        client.on('error', () => {}).resume()
        client.write(`${ask} HTTP/1.1\r\nHost: a\r\n\r\n`)
        await asked.promise
        if (who === 'call') await egress.close()
        else {
          client.destroy()
          // Whose answer shows that the proxy has heard of the client's end.
          await tunnel(egress, 'nowhere')
        }
        arrival.resolve()
        await expect.poll(() => [ask, who, made[0]?.destroyed]).toEqual([ask, who, true])
        await egress.close()
      }
    }
  })

  it('passes on what a server may answer, and answers 502 to all else: nothing that a stranger says ends this process', async () => {
    let answer = ''
    const port = await listening(createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(answer, 'latin1'))))
    const egress = await open({ allowed: [`127.0.0.1:${port}`], maxBytes: 1 << 30 })
    const ask = (text: string) => new Promise<string>((resolve) => {
      answer = text
      const socket = connect(egress.listeners[0]?.socket ?? '')
      let heard = ''
      socket.on('error', () => {}).on('data', (bytes: Buffer) => (heard += bytes.toString('latin1'))).on('close', () => resolve(heard))
      socket.write(`GET http://127.0.0.1:${port}/v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    })
    const empty = 'Content-Length: 0\r\n\r\n'
    expect(await ask(`HTTP/1.1 201 fine\r\nX-A: b\r\n${empty}`)).toMatch(/^HTTP\/1.1 201 Created\r\nx-a: b\r\n/i)
    for (const status of ['000 x', '099 x', '001', '600 x', '999 x', '101 Switching\r\nUpgrade: x\r\nConnection: upgrade', '100 go', '199 x', '-1 x', '99999 x', '']) expect([status, (await ask(`HTTP/1.1 ${status}\r\n${empty}`)).split(' ')[1]]).toEqual([status, '502'])
    const line = fc.oneof(fc.integer({ min: 0, max: 1100 }).map((status) => `HTTP/1.1 ${String(status).padStart(3, '0')} x`), fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `HTTP/1.${text.length % 3} ${text}`))
    const name = fc.oneof(fc.constantFrom('Content-Length', 'Transfer-Encoding', 'Connection', 'Set-Cookie', 'Trailer', 'Upgrade', 'Location', '__proto__', 'constructor'), fc.stringMatching(/^[!-~]{1,12}$/))
    const value = fc.oneof(fc.constantFrom('0', '5', 'chunked', '-1', '9e9', 'upgrade', 'close'), fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')))
    await fc.assert(fc.asyncProperty(line, fc.array(fc.tuple(name, value), { maxLength: 4 }), fc.constantFrom('', '5\r\nhello\r\n0\r\nA: b\r\n\r\n', 'hello'), async (first, headers, body) => {
      expect(await ask(`${first}\r\n${headers.map(([key, text]) => `${key}: ${text}\r\n`).join('')}\r\n${body}`)).toMatch(/^(HTTP\/1\.1 [2-5]\d\d |$)/)
    }), { numRuns: fuzzRuns(300) })
    expect(await ask(`HTTP/1.1 204 x\r\n${empty}`)).toContain('204')
  }, fuzzTimeout(20_000))
})
