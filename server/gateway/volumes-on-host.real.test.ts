import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { keepControl } from '@/host/control/control'
import { HostIdentity } from '@/host/control/identity'
import { Reporter } from '@/host/control/reporter'
import { streamUrl } from '@/host/control/stream-socket'
import { readUpload } from '@/host/control/upload-stream'
import type { FetchUpload } from '@/host/pods/adapters/images'
import { openVolumes } from '@/host/pods/open-volumes'
import { layersNode, openWithQemuIo, type OpenImage } from '@/host/volumes/testing/qemu-io'
import type { Volumes } from '@/host/volumes/volumes'
import { run } from '@/platform/exec'
import { actorOf, toApiContext } from '@/server/api/http'
import { appRouter } from '@/server/api/root'
import { startTestServer } from '@/server/api/testing/server'
import { serveUploads } from '@/server/api/upload-http'
import { createScheduleController, runSchedule } from '@/server/control/controllers/snapshot-schedule/controller'
import { createVolumeControllers } from '@/server/control/controllers/volume/controller'
import { snapshotController } from '@/server/control/controllers/volume/snapshots/controller'
import { runControllers } from '@/server/control/runtime/controller'
import { uploadPath } from '@/server/services/images/upload-files'
import { registerHost } from '@/server/store/hosts'
import { anewOnRetry } from '@/tools/testing/anew'
import { endEach } from '@/tools/testing/cleanup'
import { HostSessions } from './host-sessions'
import { LiveSockets } from './live-sockets'
import { StreamBroker } from './streams'
import { createGateway } from './upgrade'
import { sendUpload } from './upload-stream'
import { wakeHostsOnChanges } from './wake-hosts'

/** A server with its controllers, and a host with real volumes in files and no virtual machine: what is not open. */
const publicUrl = 'http://console.example'
const MiB = 2 ** 20
const patience = { timeout: 60_000, interval: 50 }
const quotas = { volumes: 100, bytes: 2 ** 40, snapshots: 100 }

let test: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof test.signUp>>
let data: string
let place: string
let volumes: Volumes
let ending: AbortController
const closing: (() => unknown)[] = []

const up = async () => {
  ending = new AbortController()
  test = await startTestServer()
  data = await mkdtemp(join(tmpdir(), 'volumes-on-host-'))
  await mkdir(join(data, 'store'))
  ann = await test.signUp('ann')
  const { uid: storeId } = await test.db.volumeStore.create({ data: { name: 'files', spec: { kind: 'file', folder: join(data, 'store'), shared: false } } })
  await test.db.storageClass.create({ data: { name: 'files', storeId, isDefault: true, spec: { store: 'files', volumeBindingMode: 'Immediate' } } })
  await serve()
  await connect()
}

const down = () => {
  ending.abort(new Error('the test ends'))
  return endEach([
    ...closing.splice(0).reverse().map((end) => ({ what: 'a part of the host or the server', end })),
    { what: 'the server', end: () => test?.stop() },
    { what: 'the data', end: () => rm(data, { recursive: true, force: true }) },
  ])
}

beforeAll(up)
anewOnRetry(down, up)
afterAll(down)

async function serve(): Promise<void> {
  const server = { ...test.server, config: { ...test.server.config, data, publicUrl } }
  const sessions = new HostSessions()
  const streams = new StreamBroker(sessions, server.log)
  const gateway = createGateway({
    db: test.db, keyRing: server.keyRing, log: server.log, sessions, streams, publicUrl, router: appRouter, live: new LiveSockets(server.feed),
    offerUpload: (id) => streams.offer((stream) => void sendUpload(stream, uploadPath(data, id)).catch(() => {})),
    authenticate: (request) => actorOf(request, publicUrl),
    createContext: (_, actor) => toApiContext(server, actor, '', ''),
  })
  const http = createServer((request, response) => void serveUploads(server, request, response)).on('upgrade', (request, socket, head) => void gateway.upgrade(request, socket, head))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  place = `127.0.0.1:${(http.address() as AddressInfo).port}`
  closing.push(() => http.closeAllConnections(), () => http.close(), () => gateway.close(), wakeHostsOnChanges(server.feed, sessions, test.db))
  const controllers = runControllers({ db: test.db, log: server.log, feed: server.feed }, [...createVolumeControllers(), snapshotController, createScheduleController({ quotas })], ending.signal)
  closing.push(() => controllers)
}

async function connect(): Promise<void> {
  const identity = await HostIdentity.load(join(data, 'identity.pem'))
  await registerHost(test.db, 'h1', identity.publicKey)
  let fetchUpload: FetchUpload | undefined
  volumes = await openVolumes({ folder: join(data, 'host'), volumesFolder: join(data, 'host', 'volumes'), log: test.server.log }, [], { fetch: (...request) => (fetchUpload ? fetchUpload(...request) : Promise.reject(new Error('not connected'))), images: { ensure: () => Promise.reject(new Error('no images here')) }, tell: () => {}, reach: () => Promise.resolve() })
  const bootId = randomUUID()
  const reporter = new Reporter(bootId, { report: () => null, reports: () => [], image: () => null, imageReports: () => [] }, undefined, null, volumes)
  volumes.listen(reporter)
  const url = `ws://${place}/ws/host`
  const control = keepControl({
    url, identity, bootId, log: test.server.log, reporter,
    describe: () => Promise.resolve({ name: 'h1', agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 2, memoryMiB: 4096, diskMiB: 1000 } }),
    heartbeat: () => Promise.resolve({ podsRunning: 0, memoryFreeMiB: 1, diskFreeMiB: 1 }),
    onDesired: () => {},
    onVolumes: (message) => (message.kind === 'storeSecrets' ? volumes.takeSecrets(message) : volumes.take(message)),
    onVolumesBegin: () => volumes.beginConnection(),
    onUploads: (locate) => (fetchUpload = async (id, write, signal) => readUpload(streamUrl(url, await locate(id)), write, signal)),
    onOpen: () => {},
    onConnected: () => {},
  }, ending.signal)
  closing.push(() => volumes.close(), () => control)
}

const tenant = () => ann.tenant.slug
const get = (name: string) => ann.caller.volume.get({ tenant: tenant(), name })
const snapshot = (name: string) => ann.caller.volumeSnapshot.get({ tenant: tenant(), name })
const phase = async (name: string) => (await get(name)).status.phase
const snapshotPhase = async (name: string) => (await snapshot(name)).status.phase
const isThere = (name: string) => expect.poll(() => phase(name), patience).toBe('Available')
const isTaken = (name: string) => expect.poll(() => snapshotPhase(name), patience).toBe('Ready')
const take = (name: string, volumeName: string) => ann.caller.volumeSnapshot.create({ tenant: tenant(), name, spec: { source: { volumeName } } })
const folders = async (kind: 'volumes' | 'snapshots') => (await readdir(join(data, 'store', kind))).length

const record = z.looseObject({ layers: z.array(z.string()) })
/** What a virtual machine would do with a volume that it has open. */
async function use<T>(name: string, work: (image: OpenImage) => Promise<T>): Promise<T> {
  const folder = join(data, 'store', 'volumes', (await get(name)).metadata.uid)
  const { layers } = record.parse(JSON.parse(await readFile(join(folder, 'volume.json'), 'utf8')))
  const image = await openWithQemuIo([layersNode({ kind: 'layers', direct: false, layers: layers.map((id, i) => ({ id, path: join(folder, `${id}.qcow2`), readOnly: i > 0 })) }).node])
  try {
    return await work(image)
  } finally {
    await image.close()
  }
}

it('a disk that is sent becomes a volume with its bytes, and a hostile one is said to be', async () => {
  const image = join(data, 'disk.qcow2')
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', image, '8M'])
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 1M 1M', image])
  const put = async (query: string, body: Buffer) => (await fetch(`http://${place}/api/volumes/${tenant()}?${query}`, { method: 'PUT', body: new Uint8Array(body), headers: { authorization: `Bearer ${ann.token}` } })).status
  expect(await put('name=sent&size=16Mi', await readFile(image))).toBe(201)
  await isThere('sent')
  await use('sent', async (open) => {
    await open.read(7, MiB, MiB)
    await open.read(0, 0, MiB)
    expect(await open.size()).toBe(16 * MiB)
  })
  expect(await get('sent')).toMatchObject({ status: { sizeBytes: 16 * MiB, homeHost: 'h1', formatted: null } })
  // A header that is right, and tables that are not.
  const broken = await readFile(image)
  broken.fill(0xee, 65_536, 262_144)
  await writeFile(image, broken)
  expect(await put('name=hostile', broken)).toBe(201)
  await expect.poll(() => phase('hostile'), patience).toBe('Failed')
  await expect.poll(async () => (await get('hostile')).status.conditions.map(({ message }) => message).join(), patience).toContain('The uploaded image cannot be read')
})

it('a volume is snapshotted, cloned, and goes back; what is deleted is gone, and takes no bytes of others along', async () => {
  await ann.caller.volume.create({ tenant: tenant(), name: 'data', spec: { size: '16Mi' } })
  await isThere('data')
  await use('data', (open) => open.write(1, 0, MiB))
  await take('monday', 'data')
  await isTaken('monday')
  expect(await snapshot('monday')).toMatchObject({ status: { consistency: 'CrashConsistent', stallMs: 0, takenAt: expect.any(String), sizeBytes: 16 * MiB } })
  await use('data', (open) => open.write(2, 0, MiB))

  // Of the snapshot, and of the volume as it is now.
  await ann.caller.volume.create({ tenant: tenant(), name: 'of-monday', spec: { size: '32Mi', source: { kind: 'Snapshot', name: 'monday' } } })
  await ann.caller.volume.create({ tenant: tenant(), name: 'copy', spec: { size: '16Mi', source: { kind: 'Volume', name: 'data' } } })
  await isThere('of-monday')
  await isThere('copy')
  await use('of-monday', async (open) => {
    await open.read(1, 0, MiB)
    await open.write(5, 0, MiB)
  })
  await use('copy', (open) => open.read(2, 0, MiB))
  // The snapshot that was made for the copy goes by itself.
  await expect.poll(() => test.db.volumeSnapshot.count({ where: { hidden: true } }), patience).toBe(0)

  const { lostSince, problem } = await ann.caller.volume.previewRevert({ tenant: tenant(), name: 'data', snapshot: 'monday' })
  expect([problem, lostSince]).toEqual([null, (await snapshot('monday')).status.takenAt])
  await ann.caller.volume.revert({ tenant: tenant(), name: 'data', snapshot: 'monday' })
  await isThere('data')
  await use('data', (open) => open.read(1, 0, MiB))
  const { items } = await ann.caller.volumeSnapshot.list({ tenant: tenant(), volume: 'data', search: 'before-revert' })
  const [kept] = items.map(({ metadata }) => metadata.name)
  await ann.caller.volume.create({ tenant: tenant(), name: 'before', spec: { size: '16Mi', source: { kind: 'Snapshot', name: kept ?? '' } } })
  await isThere('before')
  await use('before', (open) => open.read(2, 0, MiB))

  for (const name of ['monday', kept ?? '']) await ann.caller.volumeSnapshot.delete({ tenant: tenant(), name })
  await expect.poll(() => test.db.volumeSnapshot.count(), patience).toBe(0)
  expect(await folders('snapshots')).toBe(0)
  for (const [name, pattern] of [['data', 1], ['of-monday', 5], ['copy', 2], ['before', 2]] as const) await use(name, (open) => open.read(pattern, 0, MiB))
})

it('what is removed for good while its host is lost is removed from its disk once that is readmitted, and nothing of it is open', async () => {
  const olga = await test.signUp('olga')
  const operator = test.callerOf({ ...olga.actor, operator: true, kind: 'session', tenantId: null })
  await ann.caller.volume.create({ tenant: tenant(), name: 'given-up', spec: { size: '4Mi' } })
  await isThere('given-up')
  await use('given-up', (open) => open.write(3, 0, MiB))
  await take('of-given-up', 'given-up')
  await isTaken('of-given-up')
  const [{ metadata: { uid } }, { metadata: { uid: snapshotUid } }] = [await get('given-up'), await snapshot('of-given-up')]
  const bytes = () => Promise.all([uid, snapshotUid].map(async (one, i) => (await readdir(join(data, 'store', i === 0 ? 'volumes' : 'snapshots'))).includes(one)))
  await use('given-up', async () => {
    await test.db.host.updateMany({ data: { phase: 'Unknown' } })
    await operator.host.declareLost({ name: 'h1', confirm: 'h1' })
    await ann.caller.volumeSnapshot.delete({ tenant: tenant(), name: 'of-given-up' })
    await ann.caller.volume.delete({ tenant: tenant(), name: 'given-up' })
    await test.db.volume.update({ where: { uid }, data: { purgeAt: new Date(Date.now() - 1000) } })
    await expect.poll(() => test.db.lostRemoval.count(), patience).toBe(2)
    expect([await test.db.volume.count({ where: { uid } }), await bytes()]).toEqual([0, [true, true]])
    await operator.host.readmit({ name: 'h1' })
    // What is open stays, whoever has it.
    await expect.poll(() => volumes.report(`volume/${uid}`), { ...patience, timeout: 120_000 }).toMatchObject({ reason: 'NotFenced' })
    await expect.poll(bytes, patience).toEqual([true, false])
  })
  await expect.poll(() => test.db.lostRemoval.count(), { ...patience, timeout: 120_000 }).toBe(0)
  expect(await bytes()).toEqual([false, false])
  // Nothing is left to be said of it.
  await expect.poll(() => volumes.report(`volume/${uid}`)?.phase ?? 'Gone', patience).toBe('Gone')
})

it('a schedule that keeps as many as a store in files lets it takes what is due at each run, and deletes what it keeps no more', async () => {
  await ann.caller.volume.create({ tenant: tenant(), name: 'log', labels: { nightly: 'yes' }, spec: { size: '4Mi' } })
  await isThere('log')
  const [kept, runs] = [14, 17]
  await ann.caller.snapshotSchedule.create({ tenant: tenant(), name: 'nightly', spec: { volumes: { selector: { matchLabels: { nightly: 'yes' } } }, every: '1d', keep: { last: kept } } })
  const { uid } = await test.db.snapshotSchedule.findFirstOrThrow()
  const all = () => test.db.volumeSnapshot.findMany({ where: { scheduleUid: uid }, orderBy: { createdAt: 'asc' } })
  for (let i = 0; i < runs; i += 1) {
    await test.db.snapshotSchedule.updateMany({ data: { nextAt: new Date(Date.UTC(2026, 0, 1 + i)) } })
    await runSchedule(test.db, uid, { quotas })
    // Names tell runs apart by the second.
    for (const one of await all()) if (!one.name.startsWith('run-')) await test.db.volumeSnapshot.update({ where: { uid: one.uid }, data: { name: `run-${i}` } })
    const expected = Array.from({ length: i + 1 }, (_, n) => `run-${n} Ready`).slice(-kept)
    await expect.poll(async () => (await all()).map(({ name, phase }) => `${name} ${phase}`), patience).toEqual(expected)
    expect((await test.db.snapshotSchedule.findFirstOrThrow()).lastMessage).toBe('')
  }
})
