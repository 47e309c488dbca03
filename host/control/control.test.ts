import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Assignment, PodReport } from '@/contracts/host/v1'
import type { StreamRequest } from '@/contracts/host/v1/streams'
import { newRecord } from '@/host/pods/container-record'
import { podReport } from '@/host/pods/pod-report'
import { testAssignment } from '@/host/pods/testing/assignment'
import { logger } from '@/platform/logger'
import { keepControl, retryDelay } from './control'
import { HostIdentity } from './identity'
import { Reporter } from './reporter'
import { TestServer } from './testing/test-server'

const bootId = randomUUID()
const log = logger('test')
log.level = 'fatal'

let server: TestServer
let folder: string
let ending: AbortController
let running: Promise<void>
let desired: Assignment[][]
/** What came of networks and desired sets, in its order. */
let told: string[]
let opened: { url: string; request: StreamRequest }[]
let pods: Map<string, PodReport>
let reporter: Reporter

const report = (assignment: Assignment): PodReport =>
  podReport({ assignment, stage: 'up', stopping: false, imagesReady: true, problem: null, leftover: null, records: assignment.spec.containers.map(newRecord), conditions: [], startMode: null, startSteps: [], startedAt: null }, '2026-01-01T00:00:00Z')

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('not in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

beforeEach(async () => {
  server = await TestServer.start()
  folder = await mkdtemp(join(tmpdir(), 'control-'))
  ending = new AbortController()
  desired = []
  told = []
  opened = []
  pods = new Map()
  reporter = new Reporter(bootId, { report: (uid) => pods.get(uid) ?? null, reports: () => [...pods.values()], image: () => null, imageReports: () => [] })
  const identity = await HostIdentity.load(join(folder, 'key.pem'))
  running = keepControl(
    {
      url: server.url,
      identity,
      bootId,
      reporter,
      log,
      describe: async () => ({ name: 'host-1', agentVersion: '1', hypervisorVersion: '7', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: 'test', capacity: { cpus: 2, memoryMiB: 1000, diskMiB: 1000 } }),
      heartbeat: async () => ({ podsRunning: 0, memoryFreeMiB: 1, diskFreeMiB: 1 }),
      onDesired: (assignments) => {
        desired.push(assignments)
        told.push('desired')
        for (const one of assignments) pods.set(one.uid, report(one))
      },
      onNetwork: (message) => {
        told.push(`network ${message.networkId}`)
        if (!message.complete) throw new Error('changes came before all of it')
      },
      onOpen: (url, request) => opened.push({ url, request }),
      onConnected: () => {},
    },
    ending.signal,
  )
})

afterEach(async () => {
  ending.abort()
  await running
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('the control stream', () => {
  it('says a signed hello, takes the desired set and reports all of it first', async () => {
    const pod = testAssignment()
    server.first = [{ kind: 'desired', revision: '1', assignments: [pod] }]
    await until(() => server.reports.length === 1 && server.heartbeats > 0)
    expect(server.hellos[0]).toMatchObject({ name: 'host-1', bootId, version: 1 })
    expect(desired).toEqual([[pod]])
    expect(server.reports[0]).toMatchObject({ bootId, sequence: 1, complete: true, pods: [{ uid: pod.uid }] })
  })

  it('hears what networks hold before the pods in them', async () => {
    const networkId = randomUUID()
    server.first = [{ kind: 'networkObjects', networkId, complete: true, set: [], remove: [] }, { kind: 'desired', revision: '1', assignments: [] }]
    await until(() => server.reports.length === 1)
    expect(told).toEqual([`network ${networkId}`, 'desired'])
  })

  it('that ends for a change of a network that is refused hears all of the network on the next', async () => {
    await until(() => server.reports.length === 1)
    const networkId = randomUUID()
    server.first = [{ kind: 'networkObjects', networkId, complete: true, set: [], remove: [] }, { kind: 'desired', revision: '2', assignments: [] }]
    server.send({ kind: 'networkObjects', networkId, complete: false, set: [], remove: [] })
    await until(() => server.reports.length === 2)
    expect(server.hellos).toHaveLength(2)
    expect(told.slice(-3)).toEqual([`network ${networkId}`, `network ${networkId}`, 'desired'])
  })

  it('sends changes at once, one report at a time, each pod in its latest state, every event once', async () => {
    await until(() => server.reports.length === 1)
    let release = () => {}
    server.reportHold = new Promise((resolve) => (release = resolve))
    const pod = testAssignment()
    const change = (generation: number) => {
      pods.set(pod.uid, report({ ...pod, generation }))
      reporter.podChanged(pod.uid)
      reporter.event({ podUid: pod.uid, type: 'Normal', reason: `R${generation}`, message: '', time: '2026-01-01T00:00:00Z' })
    }
    change(1)
    await until(() => server.reports.length === 2)
    for (let generation = 2; generation <= 50; generation += 1) change(generation)
    expect(server.reports).toHaveLength(2)
    release()
    await until(() => server.reports.length === 3)
    expect(server.reports[1]).toMatchObject({ sequence: 2, complete: false, pods: [{ observedGeneration: 1 }] })
    expect(server.reports[2]?.pods).toMatchObject([{ observedGeneration: 50 }])
    expect(server.reports.flatMap((r) => r.events.map((e) => e.reason))).toEqual(Array.from({ length: 50 }, (_, i) => `R${i + 1}`))
  })

  it('comes back after a lost connection with hello, the desired set and a complete report, and loses no event', async () => {
    await until(() => server.reports.length === 1)
    await server.stop()
    const pod = testAssignment()
    pods.set(pod.uid, report(pod))
    reporter.podChanged(pod.uid)
    reporter.event({ podUid: pod.uid, type: 'Warning', reason: 'Lost', message: '', time: '2026-01-01T00:00:00Z' })
    server.first = [{ kind: 'desired', revision: '2', assignments: [pod] }]
    await server.listen()
    await until(() => server.reports.length >= 2)
    expect(server.hellos).toHaveLength(2)
    expect(server.reports[1]).toMatchObject({ complete: true, pods: [{ uid: pod.uid }], events: [{ reason: 'Lost' }] })
    expect(server.reports[1]?.sequence).toBeGreaterThan(1)
  })

  it('takes changes of the desired set, and dials what it is told to', async () => {
    await until(() => server.reports.length === 1)
    const pod = testAssignment()
    server.send({ kind: 'desired', revision: '3', assignments: [pod] })
    server.send({ kind: 'open', url: '/ws/stream/t1', request: { kind: 'logs', podUid: pod.uid, container: null, follow: false, tailLines: null, previous: false, sinceTime: null } })
    await until(() => opened.length === 1)
    expect(desired.at(-1)).toEqual([pod])
    expect(opened[0]).toMatchObject({ url: '/ws/stream/t1', request: { kind: 'logs' } })
  })

  it('says what it understands, and keeps its connection whatever is said of one network', async () => {
    await until(() => server.reports.length === 1)
    expect(server.hellos[0]?.capabilities).toEqual(['networkObjects'])
    const [pod, networkId] = [testAssignment(), randomUUID()]
    server.send(JSON.parse(JSON.stringify({ kind: 'networkObjects', networkId: pod.network.id, complete: true, set: [{ kind: 'policy', uid: 'nonsense' }], remove: [] })))
    server.send({ kind: 'networkObjects', networkId, complete: true, set: [], remove: [] })
    server.send({ kind: 'desired', revision: '5', assignments: [pod, { ...testAssignment(), network: { ...pod.network, id: networkId } }] })
    await until(() => desired.length === 2)
    expect(told).toEqual(['desired', `network ${networkId}`, 'desired'])
    expect(desired[1]?.map(({ network }) => network.id)).toEqual([networkId])
    expect(server.hellos).toHaveLength(1)
  })

  it('ends a connection on which something else comes than agreed, and tries again', async () => {
    await until(() => server.reports.length === 1)
    server.send(JSON.parse('{"kind":"desired","revision":"4","assignments":[{"uid":"nonsense"}]}'))
    await until(() => server.hellos.length === 2)
    expect(desired.flat()).toEqual([])
  })
})

describe('the wait between tries', () => {
  it('grows from 0.1 to 5 s, with a part by chance', () => {
    expect([retryDelay(0, 0), retryDelay(0, 1), retryDelay(3, 1), retryDelay(50, 0), retryDelay(50, 1)]).toEqual([100, 200, 1600, 2500, 5000])
  })
})

describe('the identity', () => {
  it('is made once, for its owner alone', async () => {
    const file = join(folder, 'identity.pem')
    const first = await HostIdentity.load(file)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await HostIdentity.load(file)).publicKey).toBe(first.publicKey)
  })
  it('is never made over a file that is no key', async () => {
    const file = join(folder, 'broken.pem')
    await writeFile(file, 'nonsense')
    await expect(HostIdentity.load(file)).rejects.toThrow()
  })
})
