import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { helloSignatureText, type HelloInput, type ImageReport, type PodReport } from '@/contracts/host/v1'
import { waitingStatus, type ContainerStatus } from '@/domain/pod/status'
import { startTestServer } from '@/server/api/testing/server'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { bindPod } from '@/server/store/scheduling'
import { hostRouter, type HostConnection } from './host-router'
import { HostSessions } from './host-sessions'
import { readReport } from './read-report'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
const keys = generateKeyPairSync('ed25519')
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).toString('base64')
const publicKey = spki(keys.publicKey)

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

const sessions = new HostSessions()
function connect(known = sessions) {
  const connection: HostConnection = { db: server.db, keyRing: server.server.keyRing, log: server.server.log, sessions: known, nonce: null, session: null, disconnect: () => {}, drained: () => Promise.resolve() }
  return hostRouter.createCaller(connection)
}

function hello(nonce: string, over: Partial<HelloInput> = {}, key = keys.privateKey): HelloInput {
  const bootId = over.bootId ?? randomUUID()
  const named = over.publicKey ?? publicKey
  return {
    version: 1, name: 'h1', bootId, agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 2, memoryMiB: 4096, diskMiB: 1000 },
    ...over, publicKey: named, signature: sign(null, Buffer.from(helloSignatureText(nonce, named, bootId)), key).toString('base64'),
  }
}

describe('a host says hello', () => {
  beforeEach(() => registerHost(server.db, 'h1', publicKey))

  it('with its own key over this connection\'s nonce', async () => {
    const host = connect()
    const { nonce } = await host.host.challenge()
    expect(await host.host.hello(hello(nonce))).toMatchObject({ heartbeatSeconds: 5 })
  })
  it('and not with another key, another nonce, the same nonce twice, or an unknown key', async () => {
    const stranger = generateKeyPairSync('ed25519')
    const host = connect()
    await expect(host.host.hello(hello('none'))).rejects.toThrow('not signed')
    await expect(host.host.challenge().then(({ nonce }) => host.host.hello(hello(nonce, {}, stranger.privateKey)))).rejects.toThrow('not signed')
    await expect(host.host.challenge().then(() => host.host.hello(hello('other')))).rejects.toThrow('not signed')
    const { nonce } = await host.host.challenge()
    const signed = hello(nonce)
    await host.host.hello(signed)
    await expect(host.host.hello(signed)).rejects.toThrow('not signed')
    const unknown = await host.host.challenge()
    await expect(host.host.hello(hello(unknown.nonce, { publicKey: spki(stranger.publicKey) }, stranger.privateKey))).rejects.toThrow('not registered')
  })
  it('before anything else', async () => {
    const host = connect()
    await expect(host.host.heartbeat({ bootId: randomUUID(), podsRunning: 0, memoryFreeMiB: 0, diskFreeMiB: 0 })).rejects.toThrow('Say hello first')
    await expect(host.host.report({ bootId: randomUUID(), sequence: 1, complete: true, pods: [], events: [], images: [] })).rejects.toThrow('Say hello first')
  })
})

describe('reports', () => {
  const report = (uid: string, over: Partial<PodReport> = {}): PodReport => ({ uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', conditions: [], containers: [], startMode: null, startSteps: [], startedAt: null, ...over })
  const signIn = async (bootId: string) => {
    const host = connect()
    const { nonce } = await host.host.challenge()
    const { hostId } = await host.host.hello(hello(nonce, { bootId }))
    const say = (sequence: number, pods: PodReport[], complete = false) => host.host.report({ bootId, sequence, complete, pods, events: [], images: [] })
    return { host, hostId, say }
  }
  const pod = async (name: string, hostId?: string) => {
    const { metadata } = await ann.caller.pod.create({ tenant: ann.tenant.slug, name, spec: { containers: [{ name: 'a', image: 'busybox' }] } })
    if (hostId) await inTransaction(server.db, (tx) => bindPod(tx, metadata.uid, hostId))
    return metadata.uid
  }
  const phase = async (name: string) => (await ann.caller.pod.get({ tenant: ann.tenant.slug, name })).status.phase

  it('are stored only when they are newer', async () => {
    const { hostId, say } = await signIn(randomUUID())
    const uid = await pod('newer', hostId)
    expect(await say(5, [report(uid)])).toEqual({ stored: 1 })
    expect(await say(4, [report(uid, { phase: 'Starting' })])).toEqual({ stored: 0 })
    expect(await phase('newer')).toBe('Running')
    expect(await say(6, [report(uid, { phase: 'Failed' })])).toEqual({ stored: 1 })
    const next = await signIn(randomUUID())
    expect(await next.say(1, [report(uid)])).toEqual({ stored: 1 })
    expect(await phase('newer')).toBe('Running')
  })
  it('of pods that are not bound to this host are ignored', async () => {
    const { say } = await signIn(randomUUID())
    const uid = await pod('elsewhere')
    expect(await say(1, [report(uid)])).toEqual({ stored: 0 })
    expect(await phase('elsewhere')).toBe('Pending')
  })
  it('of another boot than the hello are refused', async () => {
    const { host } = await signIn(randomUUID())
    await expect(host.host.report({ bootId: randomUUID(), sequence: 1, complete: false, pods: [], events: [], images: [] })).rejects.toThrow('another boot')
  })
  it('that are complete make deleted pods that they do not name Gone', async () => {
    const { hostId, say } = await signIn(randomUUID())
    const uid = await pod('forgotten', hostId)
    await say(1, [report(uid)])
    await ann.caller.pod.delete({ tenant: ann.tenant.slug, name: 'forgotten' })
    await say(2, [], true)
    expect((await server.db.podReport.findUnique({ where: { podUid: uid } }))?.phase).toBe('Gone')
  })
  it('of a host whose connection was taken over are refused', async () => {
    const first = await signIn(randomUUID())
    await signIn(randomUUID())
    await expect(first.say(1, [])).rejects.toThrow('Say hello first')
  })

  it('that another process of the server still has of an older connection never come after those of the newer one', async () => {
    const bootId = randomUUID()
    const first = await signIn(bootId)
    const uid = await pod('late', first.hostId)
    await first.say(1, [report(uid)])
    // A process that has not heard of the newer connection.
    const elsewhere = new HostSessions()
    const older = connect(elsewhere)
    const challenge = await older.host.challenge()
    await older.host.hello(hello(challenge.nonce, { bootId }))
    const newer = await signIn(bootId)
    expect(await newer.say(3, [report(uid)], true)).toEqual({ stored: 0 })
    await expect(older.host.report({ bootId, sequence: 2, complete: false, pods: [report(uid, { phase: 'Starting' })], events: [], images: [] })).rejects.toThrow('another connection')
    await ann.caller.pod.delete({ tenant: ann.tenant.slug, name: 'late' })
    await expect(older.host.report({ bootId, sequence: 2, complete: true, pods: [], events: [], images: [] })).rejects.toThrow('another connection')
    expect(await server.db.podReport.findUnique({ where: { podUid: uid } })).toMatchObject({ phase: 'Running' })
  })

  const container = (over: Partial<ContainerStatus> = {}): ContainerStatus => ({ ...waitingStatus('a', 'busybox', 'container', ''), ...over })
  const status = async (name: string) => (await ann.caller.pod.get({ tenant: ann.tenant.slug, name })).status

  it('with text that PostgreSQL refuses are stored without it', async () => {
    const bootId = randomUUID()
    const { host, hostId } = await signIn(bootId)
    const uid = await pod('odd-text', hostId)
    const bad = 'a\0b\ud800c'
    const time = new Date().toISOString()
    const lastEnd = { exitCode: 1, signal: null, reason: bad, message: bad, startedAt: time, finishedAt: '2026-01-01T00:00:00+02:00', lastLines: [bad], terminationMessage: bad }
    const said = report(uid, { reason: bad, message: bad, conditions: [{ type: bad, status: 'True', reason: bad, message: bad, lastTransitionTime: time }], containers: [container({ name: bad, image: bad, imageDigest: bad, reason: bad, message: bad, lastLines: [bad], terminationMessage: bad, lastEnd })], startSteps: [{ name: bad, startedAt: time, ms: 1 }] })
    expect(await host.host.report({ bootId, sequence: 1, complete: true, pods: [said], events: [{ podUid: uid, type: 'Warning', reason: bad, message: bad, time }], images: [{ tenantId: '', reference: bad, digest: bad, sizeBytes: 1, phase: 'Failed', message: bad, bytesDone: 0, bytesTotal: 0 }] })).toEqual({ stored: 1 })
    const good = 'a\ufffdb\ufffdc'
    expect(await status('odd-text')).toMatchObject({ reason: good, message: good, containers: [{ name: good, lastLines: [good], lastEnd: { terminationMessage: good } }] })
    expect(await server.db.event.findFirst({ where: { objectUid: uid, source: 'host' } })).toMatchObject({ reason: good, message: good })
    expect(await server.db.hostImage.findMany({ where: { hostId } })).toMatchObject([{ reference: good, digest: good, message: good }])
  })

  it('of one pod that cannot be read cost no other, and that pod is not taken for gone', async () => {
    const bootId = randomUUID()
    const { host, hostId } = await signIn(bootId)
    const uids = [await pod('readable', hostId), await pod('unreadable', hostId)]
    const [readable, unreadable] = uids as [string, string]
    const say = (sequence: number, pods: unknown[], events: unknown[] = []) => host.host.report({ bootId, sequence, complete: true, pods, events, images: [{ reference: 5 }] })
    expect(await say(1, uids.map((uid) => report(uid)))).toEqual({ stored: 2 })
    await ann.caller.pod.delete({ tenant: ann.tenant.slug, name: 'unreadable' })
    const said = report(unreadable, { containers: [container({ restartCount: 1_000_001 })] })
    expect(await say(2, [said, 'nothing', report(readable, { phase: 'Failed' })], [{ podUid: readable, type: 'Normal', reason: 'Odd', message: '', time: 'soon' }])).toEqual({ stored: 1 })
    expect(await phase('readable')).toBe('Failed')
    expect((await server.db.podReport.findUnique({ where: { podUid: unreadable } }))?.phase).toBe('Running')
    expect(await server.db.event.count({ where: { objectUid: readable, source: 'host' } })).toBe(0)
  })

  it('are read with times that a Date takes alone, in the order of uids, and what is left out is logged with its pod', () => {
    const lines: unknown[] = []
    const log = { ...server.server.log, warn: (line: unknown) => lines.push(line) } as unknown as HostConnection['log']
    const [a, b, c] = ['a', 'b', 'c'].map((digit) => `${digit}0000000-0000-4000-8000-000000000000`) as [string, string, string]
    const event = (podUid: string, reason: string) => ({ podUid, type: 'Normal', reason, message: '', time: '2026-01-01T00:00:00.123+01:00' })
    const wrong = ['', 'soon', '2026-01-01', '2026-01-01T00:00:00', '2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59-23:00']
    const read = readReport({ bootId: a, sequence: 1, complete: true, pods: [report(c), report(a, { startedAt: '2026-01-01T00:00:00Z' }), ...wrong.map((startedAt) => report(b, { startedAt }))], events: [event(c, '1'), event(a, '2'), event(c, '3')], images: [] }, b, log)
    expect(read.pods.map(({ uid }) => uid)).toEqual([a, c])
    expect(read.events.map(({ podUid, reason }) => [podUid, reason])).toEqual([[a, '2'], [c, '1'], [c, '3']])
    expect(new Set(read.named)).toEqual(new Set([a, b, c]))
    expect(lines).toEqual([expect.objectContaining({ hostId: b, dropped: wrong.length, first: wrong.map(() => ({ kind: 'pods', podUid: b, problem: expect.stringContaining('startedAt') as string })) })])
  })

  it('of images are kept for everybody and for tenants with a pod there or a pre-pull, the newest 10,000', async () => {
    const bootId = randomUUID()
    const { host, hostId } = await signIn(bootId)
    const bob = await server.signUp('bob')
    const eve = await server.signUp('eve')
    await pod('imaged', hostId)
    await server.db.imagePrePull.createMany({ data: [{ tenantId: bob.tenant.id, expiresAt: new Date(Date.now() + 60_000) }, { tenantId: eve.tenant.id, expiresAt: new Date(Date.now() - 60_000) }].map((row) => ({ ...row, reference: 'x', createdBy: 'x' })) })
    const image = (tenantId: string, reference: string) => ({ tenantId, reference, digest: null, sizeBytes: 1, phase: 'Ready' as const, message: '', bytesDone: 1, bytesTotal: 1 })
    const say = (sequence: number, images: ImageReport[]) => host.host.report({ bootId, sequence, complete: sequence === 1, pods: [], events: [], images })
    await say(1, ['', ann.tenant.id, bob.tenant.id, eve.tenant.id, 'f'.repeat(32)].map((tenantId) => image(tenantId, 'x')))
    const kept = async () => (await server.db.hostImage.findMany({ where: { hostId }, select: { tenantId: true, reference: true } })).map(({ tenantId }) => tenantId)
    expect(new Set(await kept())).toEqual(new Set(['', ann.tenant.id, bob.tenant.id]))
    await server.db.$executeRaw`insert into "HostImage" ("hostId", "reference", "phase", "bytesDone", "bytesTotal", "updatedAt") select ${hostId}::uuid, 'many' || n, 'Ready', 0, 0, '2020-01-01'::timestamptz + make_interval(secs => n) from generate_series(1, 9997) n`
    await say(2, [image('', 'y'), image('', 'z')])
    expect(await kept()).toHaveLength(10_000)
    expect(await server.db.hostImage.findMany({ where: { hostId, reference: { in: ['many1', 'many2', 'many3', 'y', 'z'] } }, select: { reference: true }, orderBy: { reference: 'asc' } })).toEqual(['many3', 'y', 'z'].map((reference) => ({ reference })))
  })
})
