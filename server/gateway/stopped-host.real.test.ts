import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildGuestImage } from '@/guest/image/build'
import { HostIdentity } from '@/host/control/identity'
import { sampleReference } from '@/host/images/sample/sample-image'
import { virtualMachines } from '@/host/pods/testing/census'
import { lendTemplates } from '@/host/pods/testing/lent-templates'
import { actorOf, toApiContext } from '@/server/api/http'
import { appRouter } from '@/server/api/root'
import { startTestServer } from '@/server/api/testing/server'
import { createHostController } from '@/server/control/controllers/host/controller'
import { podController } from '@/server/control/controllers/pod/controller'
import { scheduler } from '@/server/control/scheduler/scheduler'
import { registerHost } from '@/server/store/hosts'
import { anewOnRetry } from '@/tools/testing/anew'
import { endEach } from '@/tools/testing/cleanup'
import { HostSessions } from './host-sessions'
import { LiveSockets } from './live-sockets'
import { StreamBroker } from './streams'
import { createGateway } from './upgrade'
import { wakeHostsOnChanges } from './wake-hosts'

const root = join(import.meta.dirname, '../..')
const publicUrl = 'http://console.example'
let test: Awaited<ReturnType<typeof startTestServer>>
let http: Server
let data: string
let bundle: string
let agent: ChildProcess | null = null
let output = ''
const ends: (() => void)[] = []

/** The gateway over a socket, and the host agent as a process of its own. */
const up = async () => {
  test = await startTestServer()
  data = await mkdtemp(join(tmpdir(), 'stopped-'))
  const sessions = new HostSessions()
  const gateway = createGateway({
    db: test.db, keyRing: test.server.keyRing, log: test.server.log, sessions, streams: new StreamBroker(sessions, test.server.log), publicUrl, router: appRouter, live: new LiveSockets(test.server.feed),
    offerUpload: () => '', authenticate: (request) => actorOf(request, publicUrl), createContext: (_, actor) => toApiContext(test.server, actor, '', ''),
  })
  ends.push(wakeHostsOnChanges(test.server.feed, sessions, test.db), () => gateway.close())
  http = createServer().on('upgrade', (request, socket, head) => void gateway.upgrade(request, socket, head))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  await registerHost(test.db, 'h1', (await HostIdentity.load(join(data, 'host', 'identity.pem'))).publicKey)
  await lendTemplates(join(data, 'host'))
  bundle = join(root, 'node_modules', '.cache', `stopped-host-${process.pid}.mjs`)
  await build({ absWorkingDir: root, entryPoints: ['host/main.ts'], outfile: bundle, bundle: true, platform: 'node', target: 'node20', format: 'esm', packages: 'external', logLevel: 'silent' })
  const guest = await buildGuestImage({ outDir: join(root, 'node_modules/.cache/hypernetes-guest') })
  agent = spawn(process.execPath, ['--enable-source-maps', bundle], {
    env: { NODE_ENV: 'test', PATH: process.env.PATH, HYPERNETES_DATA: data, HYPERNETES_SERVER_URL: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/ws/host`, HYPERNETES_ACCEL: 'tcg', HYPERNETES_TB_SIZE_MIB: '32', HYPERNETES_GUEST_KERNEL: guest.kernel, HYPERNETES_GUEST_INITRAMFS: guest.initramfs, HYPERNETES_GUEST_VERSION: guest.version },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [agent.stdout, agent.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
}

async function endAgent(): Promise<void> {
  if (!agent || agent.exitCode !== null || agent.signalCode !== null) return
  const ended = once(agent, 'exit')
  agent.kill('SIGCONT')
  agent.kill('SIGTERM')
  await ended
}

const down = () => endEach([
  { what: 'the agent', end: endAgent },
  ...ends.splice(0).map((end) => ({ what: 'a part of the server', end })),
  { what: 'the web server', end: () => void http.close().closeAllConnections() },
  { what: 'the server', end: () => test?.stop() },
  { what: 'the bundle', end: () => rm(bundle, { force: true }) },
  { what: 'the data', end: () => rm(data, { recursive: true, force: true }) },
])

beforeAll(up)
anewOnRetry(down, up)
afterAll(down)

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}\n${output.slice(-3_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

it('a host agent that is stopped makes its host and pods Unknown with since when, and all is right again after, with nothing started anew', async () => {
  const control = { db: test.db, log: test.server.log, feed: test.server.feed }
  const ann = await test.signUp('ann')
  const tenant = ann.tenant.slug
  const hostRow = () => test.db.host.findUniqueOrThrow({ where: { name: 'h1' } })
  const pod = () => ann.caller.pod.get({ tenant, name: 'web' })
  await until('the host is Ready', async () => (await hostRow()).phase === 'Ready')
  const { metadata } = await ann.caller.pod.create({ tenant, name: 'web', spec: { containers: [{ name: 'web', image: sampleReference }] } })
  await scheduler.reconcile(control, 'all')
  await podController.reconcile(control, metadata.uid)
  await until('the pod runs', async () => (await pod()).status.conditions.some((c) => c.type === 'Ready' && c.status === 'True'))
  const vms = await virtualMachines(join(data, 'host'))
  expect(vms.map(({ podUid }) => podUid)).toEqual([metadata.uid])

  let steady = 0
  const hosts = createHostController(() => steady)
  agent?.kill('SIGSTOP')
  // What it had sent is in by the time that two looks find the same.
  await until('the host is Unknown', async () => {
    await hosts.reconcile(control, 'all')
    steady += 15_000
    return (await hostRow()).phase === 'Unknown'
  })
  const since = (await hostRow()).lastHeartbeat?.toISOString() ?? ''
  expect(Date.parse(since)).toBeLessThanOrEqual(Date.now())
  expect((await pod()).status).toMatchObject({ phase: 'Unknown', reason: 'HostSilent', message: `Host h1 has not been heard from since ${since}. The pod may still run there.` })
  expect((await ann.caller.pod.list({ tenant })).items[0]?.status).toMatchObject({ phase: 'Unknown' })
  // Nothing is decided about what nobody knows: the pod stays bound, and its VM runs on.
  await scheduler.reconcile(control, 'all')
  await podController.reconcile(control, metadata.uid)
  expect(await virtualMachines(join(data, 'host'))).toEqual(vms)

  agent?.kill('SIGCONT')
  await until('the host is Ready again', async () => (await hostRow()).phase === 'Ready')
  expect((await pod()).status).toMatchObject({ phase: 'Running', hostName: 'h1', containers: [{ state: 'Running', restartCount: 0 }] })
  expect(await virtualMachines(join(data, 'host'))).toEqual(vms)
  expect(Date.parse((await hostRow()).lastHeartbeat?.toISOString() ?? '')).toBeGreaterThan(Date.parse(since))

  await ann.caller.pod.delete({ tenant, name: 'web', graceSeconds: 0 })
  await podController.reconcile(control, metadata.uid)
  await until('the pod is gone', async () => {
    await podController.reconcile(control, metadata.uid)
    return (await test.db.pod.count({ where: { uid: metadata.uid } })) === 0
  })
  expect(await virtualMachines(join(data, 'host'))).toEqual([])
})
