import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Assignment, PrePull } from '@/contracts/host/v1'
import { keepControl } from '@/host/control/control'
import { HostIdentity } from '@/host/control/identity'
import { Reporter } from '@/host/control/reporter'
import { streamUrl } from '@/host/control/stream-socket'
import { readUpload } from '@/host/control/upload-stream'
import { ImageStore } from '@/host/images/image-store'
import { dockerArchive } from '@/host/images/testing/archive'
import { cat } from '@/host/images/testing/store-fixture'
import { imagePort, type FetchUpload } from '@/host/pods/adapters/images'
import { systemClock } from '@/host/pods/clock'
import { PrePulls } from '@/host/pods/pre-pulls'
import { actorOf, toApiContext } from '@/server/api/http'
import { appRouter } from '@/server/api/root'
import { startTestServer } from '@/server/api/testing/server'
import { serveUploads } from '@/server/api/upload-http'
import { podController } from '@/server/control/controllers/pod/controller'
import { uploadPath } from '@/server/services/images/upload-files'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { bindPod } from '@/server/store/scheduling'
import { HostSessions } from './host-sessions'
import { LiveSockets } from './live-sockets'
import { StreamBroker } from './streams'
import { createGateway } from './upgrade'
import { sendUpload } from './upload-stream'
import { wakeHostsOnChanges } from './wake-hosts'

const publicUrl = 'http://console.example'

it('an archive goes from its person through the server to a host, which makes the image of it for a pod and for a pre-pull', async () => {
  const test = await startTestServer()
  const data = await mkdtemp(join(tmpdir(), 'upload-on-host-'))
  const server = { ...test.server, config: { ...test.server.config, data, publicUrl } }
  const sessions = new HostSessions()
  const streams = new StreamBroker(sessions, server.log)
  const gateway = createGateway({
    db: test.db, keyRing: server.keyRing, log: server.log, sessions, streams, publicUrl, router: appRouter, live: new LiveSockets(server.feed),
    offerUpload: (id) => streams.offer((stream) => void sendUpload(stream, uploadPath(data, id)).catch(() => {})),
    authenticate: (request) => actorOf(request, publicUrl),
    createContext: (_, actor) => toApiContext(server, actor, '', ''),
  })
  const stopWaking = wakeHostsOnChanges(server.feed, sessions, test.db)
  const http = createServer((request, response) => void serveUploads(server, request, response)).on('upgrade', (request, socket, head) => void gateway.upgrade(request, socket, head))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const place = `127.0.0.1:${(http.address() as AddressInfo).port}`
  const ending = new AbortController()
  const identity = await HostIdentity.load(join(data, 'identity.pem'))
  await registerHost(test.db, 'h1', identity.publicKey)
  const store = await ImageStore.open({ dir: join(data, 'images'), defaultRegistry: 'registry.invalid', insecureRegistries: [], logger: server.log, minFreeBytes: 0 })
  let fetchUpload: FetchUpload | undefined
  let desired: { assignments: Assignment[]; prePulls: PrePull[] } = { assignments: [], prePulls: [] }
  const bootId = randomUUID()
  const images = imagePort(store, () => {}, (...request) => (fetchUpload ? fetchUpload(...request) : Promise.reject(new Error('not connected'))))
  const prePulls = new PrePulls({ images, clock: systemClock, nameOf: (reference) => store.nameOf(reference), onProgress: () => {}, onTimeout: () => {} })
  const url = `ws://${place}/ws/host`
  const control = keepControl({
    url, identity, bootId, log: server.log,
    reporter: new Reporter(bootId, { report: () => null, reports: () => [], image: () => null, imageReports: () => [] }),
    describe: () => Promise.resolve({ name: 'h1', agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 2, memoryMiB: 4096, diskMiB: 1000 } }),
    heartbeat: () => Promise.resolve({ podsRunning: 0, memoryFreeMiB: 1, diskFreeMiB: 1 }),
    onDesired: (assignments, ahead) => {
      desired = { assignments, prePulls: ahead }
      prePulls.apply(ahead)
    },
    onUploads: (locate) => (fetchUpload = async (id, write, signal) => readUpload(streamUrl(url, await locate(id)), write, signal)),
    onOpen: () => {},
    onConnected: () => {},
  }, ending.signal)
  try {
    const ann = await test.signUp('ann')
    const tenant = ann.tenant.slug
    const put = async (reference: string, which: string) => {
      const body = new Uint8Array(dockerArchive('app:1', [[{ name: 'which', content: which }, { name: 'filling', content: Buffer.alloc(900_000, 'x') }]]))
      const answer = await fetch(`http://${place}/api/images/${tenant}?reference=${reference}`, { method: 'PUT', body, headers: { authorization: `Bearer ${ann.token}` } })
      expect(answer.status).toBe(201)
    }
    const { metadata } = await ann.caller.pod.create({ tenant, name: 'web', spec: { containers: [{ name: 'a', image: 'app:1' }] } })
    const host = await test.db.host.findFirstOrThrow({ where: { name: 'h1' } })
    await inTransaction(test.db, (tx) => bindPod(tx, metadata.uid, host.id))
    await podController.reconcile({ db: test.db, log: server.log, feed: server.feed }, metadata.uid)
    await put('app:1', 'of the pod')
    await expect.poll(() => desired.assignments[0]?.uploads?.length).toBe(1)
    const request = { tenantId: ann.tenant.id, policy: 'Never' as const, pullSecrets: [], signal: ending.signal, onProgress: () => {} }
    const image = await images.ensure('app:1', { ...request, upload: desired.assignments[0]?.uploads?.[0] })
    expect(await cat(image.file, 'which')).toBe('of the pod')

    await put('ahead:1', 'ahead of pods')
    await ann.caller.image.prePull({ tenant, reference: 'ahead:1' })
    await expect.poll(() => store.known().map(({ reference }) => reference)).toContain(store.nameOf('ahead:1'))
    expect(desired.prePulls).toMatchObject([{ reference: 'ahead:1', upload: { reference: 'ahead:1' } }])
  } finally {
    ending.abort(new Error('the test ends'))
    prePulls.end()
    await control
    stopWaking()
    gateway.close()
    http.close()
    http.closeAllConnections()
    await test.stop()
    await rm(data, { recursive: true })
  }
})
