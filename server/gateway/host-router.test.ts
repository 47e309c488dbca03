import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { helloSignatureText, type HelloInput, type PodReport } from '@/contracts/host/v1'
import { startTestServer } from '@/server/api/testing/server'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { bindPod } from '@/server/store/scheduling'
import { hostRouter, type HostConnection } from './host-router'
import { HostSessions } from './host-sessions'

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
function connect() {
  const connection: HostConnection = { db: server.db, keyRing: server.server.keyRing, log: server.server.log, sessions, nonce: null, session: null, disconnect: () => {}, drained: () => Promise.resolve() }
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
})
