import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extract, pack } from 'tar-stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { waitingStatus } from '@/domain/pod/status'
import { attachment } from './file-names'
import { servePodFiles } from './pod-files'
import { streamsTo, type HostEnd } from './testing/fake-host'
import { startTestServer } from './testing/server'

let test: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof test.signUp>>
let http: Server
let url = ''
/** What the host does with the next stream. */
let serve: (host: HostEnd) => void
let last: HostEnd | undefined
/** That a response had for its end while it was sent. */
let mostListeners = 0

beforeAll(async () => {
  test = await startTestServer()
  ann = await test.signUp('ann')
  const { uid } = (await ann.caller.pod.create({ tenant: ann.tenant.slug, name: 'web', spec: { initContainers: [{ name: 'sidecar', image: 'busybox', restartPolicy: 'Always' }], containers: [{ name: 'main', image: 'busybox' }] } })).metadata
  const host = await test.db.host.create({ data: { name: 'h1', publicKey: 'none', phase: 'Ready', lastHeartbeat: new Date() } })
  await test.db.pod.update({ where: { uid }, data: { hostId: host.id, boundAt: new Date() } })
  const containers = [{ ...waitingStatus('main', 'busybox', 'container', ''), state: 'Running' }]
  const document = { uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', conditions: [], containers, startMode: null, startSteps: [], startedAt: null }
  await test.db.podReport.create({ data: { podUid: uid, hostId: host.id, bootId: randomUUID(), sequence: 1, phase: 'Running', document } })
  Object.assign(test.server.streams, { open: streamsTo((host) => serve((last = host))) })
  http = createServer((request, response) => {
    response.on('drain', () => (mostListeners = Math.max(mostListeners, response.listenerCount('close'))))
    if (!servePodFiles(test.server, request, response)) response.writeHead(404).end()
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/api/pods`
})
afterAll(async () => {
  http.close()
  http.closeAllConnections()
  await test.stop()
})
beforeEach(() => {
  last = undefined
  serve = (host) => host.finish({ exitCode: null, error: 'not expected' })
})

const filesOf = (query: Record<string, string>, pod = 'web', tenant = ann.tenant.slug) => `${url}/${tenant}/default/${pod}/files?${new URLSearchParams(query)}`
const bearer = () => ({ authorization: `Bearer ${ann.token}` })
const give = (archive: Buffer) => (host: HostEnd) => {
  for (let at = 0; at < archive.length; at += 1000) host.send(1, archive.subarray(at, at + 1000))
  host.finish({ exitCode: 0, error: null })
}
/** Takes what comes until its end, as a guest's tar does. */
const take = async (host: HostEnd) => {
  await expect.poll(() => host.inputEnded, { timeout: 10_000 }).toBe(true)
  host.finish({ exitCode: 0, error: null })
}

async function archiveOf(entries: { name: string; content?: string; type?: 'directory' | 'symlink' }[]): Promise<Buffer> {
  const stream = pack()
  for (const { name, content = '', type } of entries) stream.entry({ name, ...(type && { type }), ...(type === 'symlink' && { linkname: 'x' }) }, content)
  stream.finalize()
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(Buffer.from(part as Buffer))
  return Buffer.concat(parts)
}

/** Entries of an archive by an independent reader. */
async function entriesOf(archive: Buffer): Promise<{ name: string; mode: number | undefined; content: string }[]> {
  const found: { name: string; mode: number | undefined; content: string }[] = []
  const reader = extract()
  reader.end(archive)
  for await (const entry of reader) {
    const parts: Buffer[] = []
    for await (const part of entry) parts.push(part as Buffer)
    found.push({ name: entry.header.name, mode: entry.header.mode, content: Buffer.concat(parts).toString() })
  }
  return found
}

const audit = () => test.db.auditEntry.findMany({ where: { tenantId: ann.tenant.id, action: { startsWith: 'pod.copy' } }, orderBy: { id: 'desc' }, take: 2 })

describe('a download', () => {
  it('is the tar stream of the path, under a safe name, and no page of the console', async () => {
    const archive = await archiveOf([{ name: 'etc/', type: 'directory' }, { name: 'etc/hosts', content: 'x'.repeat(5000) }])
    serve = give(archive)
    const response = await fetch(filesOf({ path: '/etc' }), { headers: bearer() })
    expect(Buffer.from(await response.arrayBuffer()).equals(archive)).toBe(true)
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-type': 'application/x-tar', 'content-disposition': 'attachment; filename="etc.tar"; filename*=UTF-8\'\'etc.tar', 'content-security-policy': "sandbox; default-src 'none'", 'cross-origin-resource-policy': 'same-origin', 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
    expect(last?.request).toMatchObject({ kind: 'copy', direction: 'out', path: '/etc', container: 'main' })
    await expect.poll(async () => (await audit()).map((entry) => [entry.action, entry.detail, entry.name])).toEqual([
      ['pod.copy.close', `out of /etc of container main, 0 B in, ${archive.length} B out`, 'web'],
      ['pod.copy.open', 'out of /etc of container main', 'web'],
    ])
  })

  it.each([
    ['a short name', 'a.txt', 'hello'],
    ['a name longer than a tar header holds', 'ä'.repeat(120), 'x'.repeat(100_000)],
    ['an empty file', 'empty', ''],
  ])('of one file is its bytes: %s', async (_, name, content) => {
    serve = give(await archiveOf([{ name, content }]))
    const response = await fetch(filesOf({ path: `/data/${name}`, raw: '1', container: 'sidecar' }), { headers: bearer() })
    expect(await response.text()).toBe(content)
    expect([response.headers.get('content-length'), response.headers.get('content-disposition')]).toEqual([String(content.length), attachment(name)])
    expect(last?.request).toMatchObject({ container: 'sidecar' })
  })

  it('of a folder as one file, of a path that is not there, and of what is no tar, say so', async () => {
    const refused = async (query: Record<string, string>) => {
      const response = await fetch(filesOf(query), { headers: bearer() })
      return [response.status, await response.json()]
    }
    serve = give(await archiveOf([{ name: 'etc/', type: 'directory' }]))
    expect(await refused({ path: '/etc', raw: '1' })).toMatchObject([412, { error: { code: 'failed_precondition', message: expect.stringContaining('not a file') } }])
    serve = (host) => host.finish({ exitCode: null, error: '"/nope" cannot be read: no such file. Check the path.' })
    expect(await refused({ path: '/nope' })).toMatchObject([412, { error: { message: '"/nope" cannot be read: no such file. Check the path.' } }])
    serve = give(Buffer.alloc(2000, 'x'))
    expect(await refused({ path: '/x', raw: '1' })).toMatchObject([503, { error: { code: 'unavailable' } }])
    expect(await refused({ path: 'relative' })).toMatchObject([400, { error: { message: expect.stringContaining('must begin with a slash') } }])
    expect(await refused({ path: '/etc', container: 'none' })).toMatchObject([404, { error: { message: expect.stringContaining('it has sidecar, main') } }])
  })

  it('that fails in the middle breaks off, so that half never looks whole', async () => {
    serve = (host) => {
      host.send(1, Buffer.alloc(600))
      setImmediate(() => host.finish({ exitCode: 2, error: 'Not all could be read' }))
    }
    await expect(fetch(filesOf({ path: '/etc' }), { headers: bearer() }).then((response) => response.arrayBuffer())).rejects.toThrow()
  })

  it('of many pieces to a slow reader is whole, and piles up no listeners', async () => {
    mostListeners = 0
    const bytes = Buffer.alloc(4 << 20, 'x')
    serve = (host) => {
      for (let at = 0; at < bytes.length; at += 64 << 10) host.send(1, bytes.subarray(at, at + (64 << 10)))
      host.finish({ exitCode: 0, error: null })
    }
    const response = await fetch(filesOf({ path: '/etc' }), { headers: bearer() })
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
    expect(mostListeners).toBeGreaterThan(0)
    // From where on Node warns of a leak.
    expect(mostListeners).toBeLessThanOrEqual(10)
  })

  it('that the reader leaves, or whose token is revoked, ends the copy in the pod', async () => {
    serve = (host) => host.send(1, Buffer.alloc(600))
    const left = new AbortController()
    await fetch(filesOf({ path: '/etc' }), { headers: bearer(), signal: left.signal })
    left.abort()
    await last?.closed
    const bob = await test.signUp('bob')
    const browser = test.callerOf({ ...ann.actor, kind: 'session', tenantId: null })
    const { token, id } = await browser.token.create({ tenant: ann.tenant.slug, name: 'short', expiresInDays: 1 })
    const response = await fetch(filesOf({ path: '/etc' }), { headers: { authorization: `Bearer ${token}` } })
    const broken = expect(response.arrayBuffer()).rejects.toThrow()
    await browser.token.revoke({ tenant: ann.tenant.slug, id })
    await broken
    await last?.closed
    expect((await fetch(filesOf({ path: '/etc' }), { headers: { authorization: `Bearer ${bob.token}` } })).status).toBe(404)
  })
})

describe('an upload', () => {
  it('of a tar archive goes into the folder as it is', async () => {
    const archive = await archiveOf([{ name: '../x', content: 'the guest\'s tar sees to this' }, { name: 'a', content: 'b'.repeat(200_000) }])
    serve = take
    const response = await fetch(filesOf({ path: '/data' }), { method: 'PUT', headers: { ...bearer(), 'content-type': 'application/x-tar' }, body: new Uint8Array(archive) })
    expect([response.status, await response.json()]).toEqual([200, { bytes: archive.length }])
    expect(Buffer.concat(last?.received ?? []).equals(archive)).toBe(true)
    expect(last?.request).toMatchObject({ kind: 'copy', direction: 'in', path: '/data' })
  })

  it.each([['notes.txt', 'hello'], ['ü'.repeat(100), 'x'.repeat(70_000)], ['empty', '']])('of one file is an archive of it: %s', async (name, content) => {
    serve = take
    const response = await fetch(filesOf({ path: '/data', name }), { method: 'POST', headers: { ...bearer(), 'content-type': 'text/plain', 'content-length': String(content.length) }, body: content })
    expect(response.status).toBe(200)
    expect(await entriesOf(Buffer.concat(last?.received ?? []))).toEqual([{ name, mode: 0o644, content }])
  })

  it.each(['../x', '..', '.', 'a/b', '', 'a\0b', 'x'.repeat(256)])('under the name %j is refused before anything is opened', async (name) => {
    const response = await fetch(filesOf({ path: '/data', name }), { method: 'PUT', headers: bearer(), body: 'x' })
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'invalid_input', message: expect.stringContaining('name') } }])
    expect(last).toBeUndefined()
  })

  it('that breaks off ends the copy and is never told as complete', async () => {
    serve = () => {}
    const request = httpRequest(filesOf({ path: '/data', name: 'big' }), { method: 'PUT', headers: { ...bearer(), 'content-length': '1000' } })
    request.on('error', () => {})
    request.write('half')
    await expect.poll(() => last?.received.length, { timeout: 10_000 }).toBe(2)
    request.destroy()
    await last?.closed
    expect(last?.inputEnded).toBe(false)
  })

  it('too large, without a name or of unknown size is refused', async () => {
    const status = (query: Record<string, string>, headers: Record<string, string>) =>
      new Promise<number>((resolve, reject) => {
        const request = httpRequest(filesOf(query), { method: 'PUT', headers: { ...bearer(), ...headers } }, (response) => {
          resolve(response.statusCode ?? 0)
          request.destroy()
        })
        request.on('error', reject)
        request.flushHeaders()
      })
    expect(await status({ path: '/data', name: 'big' }, { 'content-length': String(11 * 1024 ** 3) })).toBe(400)
    expect(await status({ path: '/data' }, { 'content-length': '1' })).toBe(400)
    expect(await status({ path: '/data', name: 'a' }, { 'transfer-encoding': 'chunked' })).toBe(400)
    expect(last).toBeUndefined()
  })

  it('for which the disk is too small says what the guest said', async () => {
    serve = (host) => host.finish({ exitCode: 1, error: 'Not all could be written to "/data": no space left on device' })
    const response = await fetch(filesOf({ path: '/data', name: 'a' }), { method: 'PUT', headers: bearer(), body: 'x' })
    expect([response.status, await response.json()]).toMatchObject([412, { error: { message: expect.stringContaining('no space left') } }])
  })
})

describe('a browser', () => {
  const publicOrigin = () => new URL(test.server.config.publicUrl).origin
  it.each([
    ['PUT', 'from another site', { cookie: 'a=b', origin: 'http://evil.example' }, 'another site'],
    ['PUT', 'without an origin', { cookie: 'a=b' }, 'another site'],
    ['GET', 'from another site', { cookie: 'a=b', 'sec-fetch-site': 'cross-site' }, 'another site'],
    ['GET', 'from a page of the same site that is not the console', { cookie: 'a=b', 'sec-fetch-site': 'same-site' }, 'another site'],
    ['GET', 'of the console with a cookie that is nobody\'s', { cookie: 'a=b', 'sec-fetch-site': 'same-origin' }, 'Sign in first'],
    ['PUT', 'without a credential', {}, 'Sign in first'],
  ] as [string, string, Record<string, string>, string][])('%s %s is refused', async (method, _, headers, message) => {
    const response = await fetch(filesOf({ path: '/data', name: 'a' }), { method, headers, ...(method === 'PUT' && { body: 'x' }) })
    expect([response.status, await response.json()]).toMatchObject([401, { error: { message: expect.stringContaining(message) } }])
    expect(last).toBeUndefined()
  })
  it('of the console may upload as far as its cookie is good', async () => {
    const response = await fetch(filesOf({ path: '/data', name: 'a' }), { method: 'PUT', headers: { cookie: 'a=b', origin: publicOrigin() }, body: 'x' })
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('Sign in first') } })
  })
})

it('names of downloads never break a header or name another folder', () => {
  expect(attachment('a"b\r\nx: y/../..\\c')).toBe("attachment; filename=\"a_b__x: y_..__..__c\"; filename*=UTF-8''a%22b__x%3A%20y_..__..__c".replace('..__..__c', '.._.._c').replace('..__..__c', '.._.._c'))
  expect(attachment('naïve 100%.txt')).toBe("attachment; filename=\"na_ve 100_.txt\"; filename*=UTF-8''na%C3%AFve%20100%25.txt")
})

describe('the list of a folder', () => {
  const file = { name: 'b', type: 'file', size: 1, mode: 0o644, modifiedAt: 5, target: null }
  it('has folders first, and says when it is not whole', async () => {
    serve = (host) => {
      host.send(1, [file, { ...file, name: 'z', type: 'folder' }, { ...file, name: 'a' }].map((entry) => `${JSON.stringify(entry)}\n`).join(''))
      host.finish({ exitCode: 1, error: null })
    }
    const { entries, truncated, container } = await ann.caller.pod.listFiles({ tenant: ann.tenant.slug, name: 'web', path: '/etc' })
    expect([entries.map((entry) => entry.name), truncated, container]).toEqual([['z', 'a', 'b'], true, 'main'])
  })
  it('says what the host said, and never shows half of it', async () => {
    const list = () => ann.caller.pod.listFiles({ tenant: ann.tenant.slug, name: 'web', path: '/etc' })
    serve = (host) => host.finish({ exitCode: null, error: 'The folder "/etc" cannot be listed: gone.' })
    await expect(list()).rejects.toThrow('cannot be listed: gone')
    serve = (host) => host.send(1, 'no json\n')
    await expect(list()).rejects.toThrow('cannot be read')
  })
})
