import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { helloSignatureText, type PodReport } from '@/contracts/host/v1'
import type { FiguresInput, PodFigures, Usage } from '@/contracts/host/v1/figures'
import { startTestServer } from '@/server/api/testing/server'
import { registerHost } from '@/server/store/hosts'
import { hostRouter, type HostConnection } from './host-router'
import { HostSessions } from './host-sessions'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let hostId: string
const keys = generateKeyPairSync('ed25519')
const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  hostId = (await registerHost(server.db, 'h1', publicKey)).id
})
afterAll(() => server.stop())

const sessions = new HostSessions()
const connect = () => {
  const connection: HostConnection = { db: server.db, keyRing: server.server.keyRing, log: server.server.log, sessions, nonce: null, session: null, disconnect: () => {}, drained: () => Promise.resolve() }
  return hostRouter.createCaller(connection)
}

async function signIn(bootId = randomUUID()) {
  const host = connect()
  const { nonce } = await host.host.challenge()
  const signature = sign(null, Buffer.from(helloSignatureText(nonce, publicKey, bootId)), keys.privateKey).toString('base64')
  await host.host.hello({ version: 1, name: 'h1', bootId, agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 2, memoryMiB: 4096, diskMiB: 1000 }, publicKey, signature })
  return { host: host.host, bootId }
}

async function pod(name: string) {
  await ann.caller.pod.create({ tenant: ann.tenant.slug, name, spec: { containers: [{ name: 'a', image: 'busybox' }] } })
  return server.db.pod.update({ where: { tenantId_namespace_name: { tenantId: ann.tenant.id, namespace: 'default', name } }, data: { hostId, boundAt: new Date() } })
}

const usage = (over: Partial<Usage> = {}): Usage => ({ cpuMicroseconds: 2_500_000, memoryBytes: 1000, readBytes: null, writtenBytes: null, receivedBytes: 0, sentBytes: 0, diskUsedBytes: null, ...over })
const of = (podUid: string, over: Partial<PodFigures> = {}): PodFigures => ({ podUid, ageMs: 0, intervalMs: 10_000, vm: usage(), containers: [{ name: 'a', ...usage({ cpuMicroseconds: 1_000_000 }) }], ...over })
const batch = (bootId: string, pods: PodFigures[], over: Partial<FiguresInput> = {}): FiguresInput => ({ bootId, host: null, pods, ...over })

describe('figures on the control stream', () => {
  it('are taken after a hello, of the same boot, and shown to the pod’s tenant', async () => {
    const { uid } = await pod('web')
    await expect(connect().host.figures(batch(randomUUID(), [of(uid)]))).rejects.toThrow('Say hello first')
    const { host, bootId } = await signIn()
    await expect(host.figures(batch(randomUUID(), [of(uid)]))).rejects.toThrow('another boot')
    expect(await host.figures(batch(bootId, [of(uid)], { host: { ...usage(), ageMs: 0, intervalMs: 10_000 } }))).toEqual({ stored: 3 })
    const view = await ann.caller.figures.pod({ tenant: ann.tenant.slug, name: 'web' })
    expect(view).toMatchObject({ range: '1h', stepSeconds: 10, vm: { cpu: [0.25], readBytesPerSecond: [null] }, overhead: { cpu: [0.15] }, containers: [{ name: 'a', cpu: [0.1] }] })
    expect((await ann.caller.figures.top({ tenant: ann.tenant.slug })).items).toMatchObject([{ name: 'web', cpu: 0.25 }])
    await expect(ann.caller.figures.top({ tenant: ann.tenant.slug, cursor: 'x' })).rejects.toThrow()
  })

  it('that are absurd are refused whole, and take no report or heartbeat with them', async () => {
    const { uid } = await pod('absurd')
    const { host, bootId } = await signIn()
    const bad: Partial<PodFigures>[] = [{ ageMs: -1 }, { ageMs: 61_000 }, { intervalMs: 0 }, { intervalMs: 1e9 }, { vm: usage({ memoryBytes: 2 ** 60 }) }, { vm: usage({ receivedBytes: -5 }) }, { vm: usage({ cpuMicroseconds: 0.5 }) }, { containers: Array.from({ length: 61 }, (_, i) => ({ name: `c${i}`, ...usage() })) }, { containers: [{ name: 'x'.repeat(64), ...usage() }] }]
    for (const over of bad) await expect(host.figures(batch(bootId, [of(uid, over)]))).rejects.toThrow()
    await expect(host.figures(batch(bootId, Array.from({ length: 501 }, () => of(uid))))).rejects.toThrow()
    expect(await ann.caller.figures.pod({ tenant: ann.tenant.slug, name: 'absurd' })).toMatchObject({ times: [] })
    expect(await host.heartbeat({ bootId, podsRunning: 1, memoryFreeMiB: 1, diskFreeMiB: 1 })).toEqual({ current: true })
  })
})

it('a report that first tells of a pod’s first process keeps its start', async () => {
  const { uid, createdAt } = await pod('started')
  const { host, bootId } = await signIn()
  const startedAt = new Date(createdAt.getTime() + 5).toISOString()
  const report: PodReport = { uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', conditions: [], containers: [], startMode: 'cold', startSteps: [{ name: 'vm', startedAt: createdAt.toISOString(), ms: 3 }], startedAt }
  for (const sequence of [1, 2]) await host.report({ bootId, sequence, complete: false, pods: [report], events: [], images: [] })
  const { items } = await ann.caller.start.list({ tenant: ann.tenant.slug, name: 'started' })
  expect(items).toHaveLength(1)
  expect(items[0]).toMatchObject({ mode: 'cold', accelerator: 'tcg', host: 'h1', first: true })
  expect(Object.values(items[0]!.parts).reduce((sum, ms) => sum + ms, 0)).toBe(items[0]!.wholeMs)
})
