import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { connect as connectTo, type AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { removeStrayFiles, uploadPath } from '@/server/services/images/upload-files'
import type { Database } from '@/server/store/database'
import { listUploadIds, resolveUploads } from '@/server/store/image-uploads'
import { archive, startUploadServer } from './testing/upload-server'

const { test, ann, data, http, url, put, files, callerOf, connect, assign, dial, stop } = await startUploadServer()
afterAll(stop)

it('an upload is kept, listed, replaced by a newer one, and deleted once no pod uses it', async () => {
  const [one, two] = [archive(), archive()]
  const first = await put(ann, 'team/app:1', one)
  expect(first).toMatchObject({ status: 201, body: { reference: 'team/app:1', bytes: one.length, digest: expect.stringMatching(/^sha256:[a-f0-9]{64}$/) } })
  expect(await files()).toEqual([first.body.id])
  const second = await put(ann, 'docker.io/team/app:1', two)
  expect(await files()).toEqual([second.body.id])
  const caller = callerOf(ann)
  const tenant = ann.tenant.slug
  expect(await caller.image.list({ tenant, show: 'uploaded' })).toMatchObject({ total: 1, uploadedBytes: two.length, items: [{ reference: 'team/app:1', phase: 'Unknown', podCount: 0, upload: { id: second.body.id, createdBy: ann.account.email } }] })

  await caller.pod.create({ tenant, name: 'user', spec: { containers: [{ name: 'a', image: 'team/app:1' }] } })
  await expect(caller.image.deleteUpload({ tenant, reference: 'team/app:1' })).rejects.toThrow(/The pod "user" in namespace "default" uses this image: delete it first/)
  await test.db.pod.deleteMany({ where: { name: 'user' } })
  await caller.image.deleteUpload({ tenant, reference: 'team/app:1' })
  expect(await files()).toEqual([])
  await expect(caller.image.deleteUpload({ tenant, reference: 'team/app:1' })).rejects.toThrow('does not exist')
  const actions = (await caller.audit.list({ tenant })).items.map(({ action }) => action)
  expect(actions.slice(0, 4)).toEqual(['image.deleteUpload', 'pod.create', 'image.upload', 'image.upload'])
})

it('what may not come in is refused, and leaves nothing', async () => {
  const bob = await test.signUp('bob')
  const good = archive(1000)
  const cookie = { cookie: 'next-auth.session-token=x' }
  const refused: [string, number, string, Awaited<ReturnType<typeof put>>][] = [
    ['no archive', 400, 'invalid_input', await put(ann, 'app:1', Buffer.alloc(2000))],
    ['too short', 400, 'invalid_input', await put(ann, 'app:1', Buffer.from('x'))],
    ['a digest for a name', 400, 'invalid_input', await put(ann, `app@sha256:${'0'.repeat(64)}`, good)],
    ['no name', 400, 'invalid_input', await put(ann, '', good)],
    ['nobody', 401, 'unauthenticated', await put(ann, 'app:1', good, { headers: {} })],
    ['a cookie without our page', 401, 'unauthenticated', await put(ann, 'app:1', good, { headers: cookie })],
    ['a cookie from another page', 401, 'unauthenticated', await put(ann, 'app:1', good, { headers: { ...cookie, origin: 'http://evil.example' } })],
    ['another tenant', 404, 'not_found', await put(bob, 'app:1', good, { tenant: ann.tenant.slug })],
    ['another method', 405, 'invalid_input', await put(ann, 'app:1', good, { method: 'POST' })],
  ]
  for (const [what, status, code, answer] of refused) expect([what, answer.status, answer.body.error?.code, answer.body.error?.message]).toEqual([what, status, code, expect.stringMatching(/\w/)])
  // What has no room, by what the rows say already.
  await test.db.imageUpload.create({ data: { tenantId: ann.tenant.id, reference: 'docker.io/library/large:1', digest: 'sha256:0', bytes: BigInt(50 * 2 ** 30 - 10), createdBy: 'x' } })
  expect((await put(ann, 'app:1', good)).body.error?.message).toMatch(/more than 50 GiB together/)
  await test.db.imageUpload.deleteMany({})
  // One that is broken off.
  const socket = new AbortController()
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(good)) })
  const half = fetch(`http://${url}/api/images/${ann.tenant.slug}?reference=app:1`, { method: 'PUT', body, duplex: 'half', signal: socket.signal, headers: { authorization: `Bearer ${ann.token}` } } as RequestInit)
  await expect.poll(files).toHaveLength(1)
  socket.abort()
  await expect(half).rejects.toThrow()
  await expect.poll(files).toEqual([])
  expect(await test.db.imageUpload.count()).toBe(0)
})

it('a refusal half way reaches its sender, and the connection ends: whether it goes on sending or not', async () => {
  const pieces = 64
  const send = async (sent: number) => {
    const socket = connectTo((http.address() as AddressInfo).port, '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString())).on('error', () => {})
    const closed = once(socket, 'close')
    socket.write(`PUT /api/images/${ann.tenant.slug}?reference=app:1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\nContent-Length: ${pieces << 14}\r\n\r\n`)
    for (let piece = 0; piece < sent; piece += 1) {
      socket.write(Buffer.alloc(1 << 14))
      await wait(2)
    }
    await closed
    return answer
  }
  for (const answer of await Promise.all([send(pieces), send(1)])) {
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*connection: close.*no tar archive.*\}$/s)
  }
  expect(await files()).toEqual([])
})

it('a tenant has 200 uploads at most, however small; one of the same name still makes way for another', async () => {
  const rows = Array.from({ length: 200 }, (_, i) => ({ tenantId: ann.tenant.id, reference: `docker.io/library/small:${i}`, digest: 'sha256:0', bytes: 1n, createdBy: 'x' }))
  await test.db.imageUpload.createMany({ data: rows.slice(1) })
  // Two at a time do not both count on the last room.
  const two = await Promise.all(['app:1', 'app:2'].map((reference) => put(ann, reference, archive(1000))))
  expect(two.map(({ status }) => status).sort()).toEqual([201, 412])
  expect(two.find(({ status }) => status === 412)?.body.error?.message).toMatch(/200 uploads, which is its limit/)
  expect((await put(ann, 'small:7', archive(1000))).status).toBe(201)
  await test.db.imageUpload.deleteMany({})
  for (const name of await files()) await rm(join(data, 'uploads', name))
})

it('only the uploads that are asked for are read', async () => {
  await test.db.imageUpload.createMany({ data: ['a', 'b'].map((name) => ({ tenantId: ann.tenant.id, reference: `docker.io/library/${name}:1`, digest: 'sha256:0', bytes: 1n, createdBy: 'x' })) })
  const read: unknown[] = []
  const spied = { imageUpload: { findMany: async (query: object) => read.push(...(await test.db.imageUpload.findMany(query))) && read } } as unknown as Database
  await resolveUploads(spied, [{ tenantId: ann.tenant.id, reference: 'b:1' }])
  expect(read).toMatchObject([{ reference: 'docker.io/library/b:1' }])
  await test.db.imageUpload.deleteMany({})
})

it('a host is given the uploads that its own pods name, once for each ticket', async () => {
  const [one, two] = [await connect('u1'), await connect('u2')]
  const bytes = archive(700_000)
  await Promise.all([one.desired(), two.desired()])
  await assign(ann, one.hostId, 'before', 'app:1')
  expect((await one.desired()).assignments[0]?.uploads).toBeUndefined()
  const { body } = await put(ann, 'app:1', bytes)
  expect((await one.desired()).assignments[0]?.uploads).toEqual([{ reference: 'app:1', uploadId: body.id, digest: body.digest, bytes: bytes.length }])
  const uploadId = body.id ?? ''
  const { url: path } = await one.host.fetchUpload({ uploadId })
  const got = await dial(path)
  expect(got.bytes.equals(bytes)).toBe(true)
  expect(JSON.parse(got.result)).toEqual({ exitCode: 0, error: null })
  await expect(dial(path)).rejects.toThrow('404')
  await expect(two.host.fetchUpload({ uploadId })).rejects.toThrow('No pod or volume of this host names this upload.')
  // Another tenant's pod of the same name does not mean it.
  const eve = await test.signUp('eve')
  await assign(eve, two.hostId, 'same', 'app:1')
  expect((await two.desired()).assignments[0]?.uploads).toBeUndefined()
  await expect(two.host.fetchUpload({ uploadId })).rejects.toThrow('No pod or volume of this host')
  // A file that is lost ends the stream without a result.
  await rm(uploadPath(data, uploadId))
  expect((await dial((await one.host.fetchUpload({ uploadId })).url)).result).toBe('')
  one.close()
  two.close()
})

it('files that no row speaks of go at the start', async () => {
  await writeFile(join(data, 'uploads', `${randomUUID()}.part`), 'x')
  await removeStrayFiles(data, await listUploadIds(test.db))
  expect(await files()).toEqual([])
})
