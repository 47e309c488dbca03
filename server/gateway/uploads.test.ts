import { once } from 'node:events'
import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { connect as connectTo, type AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { helloSignatureText, type DesiredMessage } from '@/contracts/host/v1'
import { actorOf, toApiContext } from '@/server/api/http'
import { appRouter } from '@/server/api/root'
import { startTestServer } from '@/server/api/testing/server'
import { serveUploads } from '@/server/api/upload-http'
import { podController } from '@/server/control/controllers/pod/controller'
import { removeStrayFiles, uploadPath } from '@/server/services/images/upload-files'
import { inTransaction, type Database } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { listUploadIds, resolveUploads } from '@/server/store/image-uploads'
import { bindPod } from '@/server/store/scheduling'
import { hostRouter, type HostConnection } from './host-router'
import { HostSessions } from './host-sessions'
import { LiveSockets } from './live-sockets'
import { StreamBroker } from './streams'
import { createGateway } from './upgrade'
import { openPrePulls, planPrePulls } from './pre-pulls'
import { sendUpload } from './upload-stream'
import { wakeHostsOnChanges } from './wake-hosts'

type Person = Awaited<ReturnType<Awaited<ReturnType<typeof startTestServer>>['signUp']>>
const publicUrl = 'http://console.example'
const sessions = new HostSessions()
let test: Awaited<ReturnType<typeof startTestServer>>
let data = ''
let http: Server
let url = ''
let ann: Person
let streams: StreamBroker
let stop = () => {}

beforeAll(async () => {
  test = await startTestServer()
  ann = await test.signUp('ann')
  data = await mkdtemp(join(tmpdir(), 'uploads-'))
  const server = { ...test.server, config: { ...test.server.config, data, publicUrl } }
  streams = new StreamBroker(sessions, server.log)
  const gateway = createGateway({
    db: test.db, keyRing: server.keyRing, log: server.log, sessions, streams, publicUrl, router: appRouter, live: new LiveSockets(server.feed),
    authenticate: (request) => actorOf(request, publicUrl),
    createContext: (_, actor) => toApiContext(server, actor, '', ''),
  })
  http = createServer((request, response) => {
    if (!serveUploads(server, request, response)) response.writeHead(404).end()
  }).on('upgrade', (request, socket, head) => void gateway.upgrade(request, socket, head))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  url = `127.0.0.1:${(http.address() as AddressInfo).port}`
  const stopWaking = wakeHostsOnChanges(server.feed, sessions, test.db)
  stop = () => {
    stopWaking()
    gateway.close()
  }
})
afterAll(async () => {
  stop()
  http.close()
  http.closeAllConnections()
  await test.stop()
  await rm(data, { recursive: true })
})

/** Bytes that begin like a tar archive. What is inside is for hosts to judge. */
function archive(bytes = 300_000): Buffer {
  const content = randomBytes(bytes)
  content.write('ustar\0', 257, 'latin1')
  return content
}
async function put(of: Person, reference: string, body: Buffer, { headers = { authorization: `Bearer ${of.token}` }, method = 'PUT', tenant = of.tenant.slug }: { headers?: Record<string, string>; method?: string; tenant?: string } = {}) {
  const response = await fetch(`http://${url}/api/images/${tenant}?reference=${encodeURIComponent(reference)}`, { method, body: new Uint8Array(body), headers })
  return { status: response.status, body: (await response.json()) as { id?: string; digest?: string; bytes?: number; reference?: string; error?: { code: string; message: string } } }
}
const files = async () => (await readdir(join(data, 'uploads')).catch(() => [])).sort()
/** The same server's procedures, with this test's data folder. */
const callerOf = (of: Person) => appRouter.createCaller({ ...toApiContext({ ...test.server, config: { ...test.server.config, data } }, of.actor, '', ''), requestId: 'test' })

async function connect(name: string) {
  const keys = generateKeyPairSync('ed25519')
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  await registerHost(test.db, name, publicKey)
  const offerUpload = (id: string) => streams.offer((stream) => void sendUpload(stream, uploadPath(data, id)).catch(() => {}))
  const connection: HostConnection = { db: test.db, keyRing: test.server.keyRing, log: test.server.log, sessions, nonce: null, session: null, disconnect: () => {}, drained: () => Promise.resolve(), offerUpload }
  const { host } = hostRouter.createCaller(connection)
  const { nonce } = await host.challenge()
  const bootId = randomUUID()
  const { hostId } = await host.hello({
    version: 1, name, bootId, publicKey, agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 2, memoryMiB: 4096, diskMiB: 1000 },
    signature: sign(null, Buffer.from(helloSignatureText(nonce, publicKey, bootId)), keys.privateKey).toString('base64'),
  })
  const messages = (await host.desired())[Symbol.asyncIterator]()
  const desired = async (): Promise<Extract<DesiredMessage, { kind: 'desired' }>> => {
    for (;;) {
      const { value } = (await messages.next()) as { value: DesiredMessage }
      if (value.kind === 'desired') return value
    }
  }
  return { host, hostId, bootId, desired, close: () => connection.session?.close() }
}

async function assign(of: Person, hostId: string, name: string, image: string): Promise<void> {
  const { metadata } = await of.caller.pod.create({ tenant: of.tenant.slug, name, spec: { containers: [{ name: 'a', image }] } })
  await inTransaction(test.db, (tx) => bindPod(tx, metadata.uid, hostId))
  await podController.reconcile({ db: test.db, log: test.server.log, feed: test.server.feed }, metadata.uid)
}

/** Dials a path that the server gave, and reads it to its end. */
async function dial(path: string): Promise<{ bytes: Buffer; result: string }> {
  const socket = new WebSocket(`ws://${url}${path}`)
  const [bytes, result]: Buffer[][] = [[], []]
  socket.on('message', (frame: Buffer) => (frame[0] === 1 ? bytes : result)?.push(frame.subarray(1)))
  await once(socket, 'close')
  return { bytes: Buffer.concat(bytes ?? []), result: Buffer.concat(result ?? []).toString() }
}

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
  await expect(two.host.fetchUpload({ uploadId })).rejects.toThrow('No pod of this host names this upload.')
  // Another tenant's pod of the same name does not mean it.
  const eve = await test.signUp('eve')
  await assign(eve, two.hostId, 'same', 'app:1')
  expect((await two.desired()).assignments[0]?.uploads).toBeUndefined()
  await expect(two.host.fetchUpload({ uploadId })).rejects.toThrow('No pod of this host')
  // A file that is lost ends the stream without a result.
  await rm(uploadPath(data, uploadId))
  expect((await dial((await one.host.fetchUpload({ uploadId })).url)).result).toBe('')
  one.close()
  two.close()
})

it('a pre-pull reaches every host with its Secrets, is bounded, and shows with what hosts say to this tenant', async () => {
  const kim = await test.signUp('kim')
  const tenant = kim.tenant.slug
  const one = await connect('p1')
  await one.desired()
  await expect(kim.caller.image.prePull({ tenant, reference: 'r.example/app:1', pullSecrets: ['pull'] })).rejects.toThrow(/Secret "pull" does not exist/)
  await kim.caller.secret.create({ tenant, name: 'other', type: 'Opaque', stringData: { '.dockerconfigjson': '{}' } })
  await expect(kim.caller.image.prePull({ tenant, reference: 'r.example/app:1', pullSecrets: ['other'] })).rejects.toThrow(/Secret "other" is of type Opaque: name one of type kubernetes.io\/dockerconfigjson/)
  await kim.caller.secret.create({ tenant, name: 'large', type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{"auths":{}}', more: 'x'.repeat(70_000) } })
  await expect(kim.caller.image.prePull({ tenant, reference: 'r.example/app:1', pullSecrets: ['large'] })).rejects.toThrow(/more than 64 KiB together/)
  await kim.caller.secret.create({ tenant, name: 'pull', type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{"auths":{}}', private: 'of others' } })
  const { id } = await kim.caller.image.prePull({ tenant, reference: 'r.example/app:1', pullSecrets: ['pull'] })
  const content = Buffer.from('{"auths":{}}').toString('base64')
  expect((await one.desired()).prePulls).toEqual([{ id, tenantId: kim.tenant.id, reference: 'r.example/app:1', pullSecrets: [expect.objectContaining({ name: 'pull', data: { '.dockerconfigjson': content } })], upload: null }])

  const said = { reference: 'r.example/app:1', digest: `sha256:${'1'.repeat(64)}`, sizeBytes: 7, message: '', bytesDone: 7, bytesTotal: 7 }
  const report = (complete: boolean, images: object[]) => one.host.report({ bootId: one.bootId, sequence: complete ? 1 : 2, complete, pods: [], events: [], images: images as never })
  await report(true, [{ ...said, tenantId: kim.tenant.id, phase: 'Ready' }, { ...said, tenantId: 'f'.repeat(32), phase: 'Failed', message: 'of another' }])
  const shown = async () => (await kim.caller.image.list({ tenant })).items
  expect(await shown()).toMatchObject([{ phase: 'Ready', sizeBytes: 7, hosts: [{ host: 'p1', phase: 'Ready' }], prePull: { id } }])
  // Another tenant that names the same image learns nothing of it.
  const lee = await test.signUp('lee')
  await lee.caller.image.prePull({ tenant: lee.tenant.slug, reference: 'r.example/app:1' })
  expect((await lee.caller.image.list({ tenant: lee.tenant.slug })).items).toMatchObject([{ phase: 'Unknown', hosts: [], digest: null }])
  await report(false, [{ ...said, tenantId: kim.tenant.id, phase: 'Removed' }])
  expect(await shown()).toMatchObject([{ phase: 'Unknown', hosts: [] }])

  await kim.caller.image.cancelPrePull({ tenant, id })
  await expect(lee.caller.image.cancelPrePull({ tenant: lee.tenant.slug, id })).rejects.toThrow('does not exist')
  for (let i = 0; i < 20; i += 1) await kim.caller.image.prePull({ tenant, reference: `r.example/app:${i}` })
  await kim.caller.image.prePull({ tenant, reference: 'r.example/app:3' })
  await kim.caller.image.cancelPrePull({ tenant, id: (await kim.caller.image.prePull({ tenant, reference: 'r.example/app:3' })).id })
  // One that counts waits for another that does, so that both do not take the last place.
  const waiting = () => test.db.$queryRaw<unknown[]>`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%"Tenant"%for update%'`
  const [last] = await inTransaction(test.db, async (tx) => {
    await tx.$queryRaw`select 1 from "Tenant" where "id" = ${kim.tenant.id} for update`
    const pulled = kim.caller.image.prePull({ tenant, reference: 'last.example/a:1' })
    await expect.poll(async () => (await waiting()).length).toBe(1)
    return [pulled]
  })
  await last
  await expect(kim.caller.image.prePull({ tenant, reference: 'r.example/app:20' })).rejects.toThrow(/20 pre-pulls/)
  const page = await kim.caller.image.list({ tenant, search: 'app:1', limit: 4 })
  expect([page.total, page.items.length, page.nextCursor]).toEqual([11, 4, 'r.example/app:12'])
  expect((await kim.caller.image.list({ tenant, search: 'app:1', limit: 50, cursor: page.nextCursor ?? '' })).items).toHaveLength(7)
  expect((await kim.caller.image.list({ tenant, phase: 'Ready' })).total).toBe(0)

  // The operator's are for everybody, and of no tenant's list.
  await test.db.imagePrePull.deleteMany({})
  const operator = test.callerOf({ ...kim.actor, kind: 'session', operator: true })
  await operator.image.prePullForAll({ reference: 'public/app:1' })
  await expect.poll(async () => (await one.desired()).prePulls?.map(({ tenantId, reference }) => [tenantId, reference])).toEqual([['', 'public/app:1']])
  expect(await test.db.auditEntry.findMany({ where: { tenantId: null, action: 'image.prePullForAll' } })).toMatchObject([{ kind: 'Image', name: 'public/app:1', actor: kim.account.email }])
  expect((await kim.caller.image.list({ tenant })).total).toBe(0)
  one.close()
})

it('Secrets of one tenant that are too large hold up only its own pre-pulls, and no change costs two queries and opens nothing', async () => {
  await test.db.imagePrePull.deleteMany({})
  const [mia, noa] = [await test.signUp('mia'), await test.signUp('noa')]
  const login = (of: Person, name: string) => of.caller.secret.create({ tenant: of.tenant.slug, name, type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{"auths":{}}' } })
  await login(mia, 'pull')
  await login(noa, 'pull')
  await mia.caller.image.prePull({ tenant: mia.tenant.slug, reference: 'm.example/app:1', pullSecrets: ['pull'] })
  await mia.caller.image.prePull({ tenant: mia.tenant.slug, reference: 'm.example/app:2' })
  await noa.caller.image.prePull({ tenant: noa.tenant.slug, reference: 'n.example/app:1', pullSecrets: ['pull'] })
  const parts = { db: test.db, keyRing: test.server.keyRing, log: test.server.log }
  const references = async () => (await openPrePulls(parts, await planPrePulls(test.db))).map(({ reference, pullSecrets }) => [reference, ...pullSecrets.map(({ data }) => Object.keys(data).join())])
  const key = '.dockerconfigjson'
  expect(await references()).toEqual([['m.example/app:1', key], ['m.example/app:2'], ['n.example/app:1', key]])
  const before = (await planPrePulls(test.db)).revision
  // It grew after it was named.
  await mia.caller.secret.update({ tenant: mia.tenant.slug, name: 'pull', stringData: { '.dockerconfigjson': '{"auths":{}}', more: 'x'.repeat(300_000) } })
  expect(await references()).toEqual([['m.example/app:2'], ['n.example/app:1', key]])
  expect((await planPrePulls(test.db)).revision).not.toBe(before)

  const asked: string[] = []
  const counting = new Proxy(test.db, { get: (db, name) => (['$queryRaw', 'imageUpload', 'imagePrePull', 'secret'].includes(String(name)) && asked.push(String(name)), Reflect.get(db, name) as unknown) })
  await planPrePulls(counting)
  expect(asked).toEqual(['$queryRaw', 'imageUpload'])
  await openPrePulls({ ...parts, db: counting }, await planPrePulls(test.db))
  expect(asked.slice(2)).toEqual(['secret'])
  await test.db.imagePrePull.deleteMany({})
})

it('files that no row speaks of go at the start', async () => {
  await writeFile(join(data, 'uploads', `${randomUUID()}.part`), 'x')
  await removeStrayFiles(data, await listUploadIds(test.db))
  expect(await files()).toEqual([])
})
