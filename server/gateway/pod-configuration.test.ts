import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { desiredMessage, helloSignatureText, type DesiredMessage, type PodConfigurationMessage } from '@/contracts/host/v1'
import { KeyRing } from '@/platform/crypto/key-ring'
import { startTestServer } from '@/server/api/testing/server'
import { podController } from '@/server/control/controllers/pod/controller'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { bindPod } from '@/server/store/scheduling'
import { hostRouter, type HostConnection } from './host-router'
import { HostSessions } from './host-sessions'
import { wakeHostsOnChanges } from './wake-hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
let stopWaking = () => {}
const sessions = new HostSessions()
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  tenant = ann.tenant.slug
  stopWaking = wakeHostsOnChanges(server.server.feed, sessions, server.db)
})
afterAll(async () => {
  stopWaking()
  await server.stop()
})

const identities = new Map<string, ReturnType<typeof generateKeyPairSync>>()

/** A host that said hello, and what its stream yields. */
async function connect(name: string, keyRing = server.server.keyRing) {
  const keys = identities.get(name) ?? generateKeyPairSync('ed25519')
  identities.set(name, keys)
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  await registerHost(server.db, name, publicKey)
  const connection: HostConnection = { db: server.db, keyRing, log: server.server.log, sessions, nonce: null, session: null, disconnect: () => {}, drained: () => Promise.resolve() }
  const host = hostRouter.createCaller(connection)
  const { nonce } = await host.host.challenge()
  const bootId = randomUUID()
  const { hostId } = await host.host.hello({
    version: 1, name, bootId, publicKey, agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 2, memoryMiB: 4096, diskMiB: 1000 },
    signature: sign(null, Buffer.from(helloSignatureText(nonce, publicKey, bootId)), keys.privateKey).toString('base64'),
  })
  const messages = (await host.host.desired())[Symbol.asyncIterator]()
  /** What the pods' networks hold is another test's matter. */
  const next = async (): Promise<DesiredMessage> => {
    const message = desiredMessage.parse((await messages.next()).value)
    return message.kind === 'networkObjects' ? next() : message
  }
  const configuration = async (): Promise<PodConfigurationMessage> => {
    const message = await next()
    if (message.kind !== 'configuration') throw new Error(`a message of kind ${message.kind} came`)
    return message
  }
  const desired = async () => {
    const message = await next()
    if (message.kind !== 'desired') throw new Error(`a message of kind ${message.kind} came`)
    return message.assignments.map(({ name, configurationRevision }) => ({ name, configurationRevision }))
  }
  return { hostId, next, configuration, desired, close: () => connection.session?.close() }
}

async function run(name: string, hostId: string, of = ann, spec: object = {}) {
  const { metadata } = await of.caller.pod.create({ tenant: of.tenant.slug, name, spec: { containers: [{ name: 'a', image: 'busybox', ...spec }] } })
  await inTransaction(server.db, (tx) => bindPod(tx, metadata.uid, hostId))
  await podController.reconcile({ db: server.db, log: server.server.log, feed: server.server.feed }, metadata.uid)
  return metadata.uid
}
const named = { envFrom: [{ configMapRef: { name: 'settings' } }, { secretRef: { name: 'login' } }] }
const base64 = (text: string) => Buffer.from(text).toString('base64')

it('a host gets what its own pods name, before they are desired, and again after each change', async () => {
  const bob = await server.signUp('bob')
  const [one, two] = [await connect('h1'), await connect('h2')]
  expect([await one.desired(), await two.desired()]).toEqual([[], []])
  await ann.caller.secret.create({ tenant, name: 'login', stringData: { password: 'canary-1' } })
  await bob.caller.configMap.create({ tenant: bob.tenant.slug, name: 'settings', data: { A: 'of bob' } })
  const uid = await run('web', one.hostId, ann, named)
  await run('plain', two.hostId)
  // What is missing is left out; nothing of another tenant's object of that name is in it.
  const first = await one.configuration()
  expect(first).toMatchObject({ podUid: uid, objects: [{ kind: 'Secret', name: 'login', type: 'Opaque', data: { password: base64('canary-1') } }] })
  expect(await one.desired()).toEqual([{ name: 'web', configurationRevision: first.revision }])
  expect(await two.desired()).toEqual([{ name: 'plain', configurationRevision: null }])

  await ann.caller.configMap.create({ tenant, name: 'settings', data: { A: 'ü' }, binaryData: { B: 'AAE=' } })
  const second = await one.configuration()
  expect(second.objects[0]).toEqual({ kind: 'ConfigMap', name: 'settings', type: '', data: { A: base64('ü'), B: 'AAE=' }, binaryKeys: ['B'] })
  expect(second.revision).not.toBe(first.revision)
  expect(await one.desired()).toEqual([{ name: 'web', configurationRevision: second.revision }])

  await ann.caller.secret.update({ tenant, name: 'login', stringData: { password: 'canary-2' } })
  expect((await one.configuration()).objects[1]?.data).toEqual({ password: base64('canary-2') })
  await one.desired()
  await ann.caller.secret.delete({ tenant, name: 'login' })
  expect((await one.configuration()).objects.map((o) => o.kind)).toEqual(['ConfigMap'])
  await one.desired()

  // The other host heard nothing of all that: what it gets next is its own.
  await run('named', two.hostId, bob, named)
  expect((await two.configuration()).objects).toEqual([{ kind: 'ConfigMap', name: 'settings', type: '', data: { A: base64('of bob') }, binaryKeys: [] }])
  await two.desired()
  one.close()
  two.close()
})

it('a host that connects again gets each once; what does not open is left out and the rest arrives', async () => {
  const first = await connect('h3')
  await first.desired()
  await ann.caller.secret.create({ tenant, name: 'login', stringData: { password: 'canary-3' } })
  const uid = await run('again', first.hostId, ann, named)
  expect((await first.configuration()).objects.map((o) => o.kind)).toEqual(['ConfigMap', 'Secret'])
  await first.desired()
  const second = await connect('h3', KeyRing.ofKey('other', randomBytes(32)))
  expect(await second.configuration()).toMatchObject({ podUid: uid, objects: [{ kind: 'ConfigMap' }] })
  expect(await second.desired()).toHaveLength(1)
  // Labels of another object wake nobody; a change of the pod's own objects sends one message.
  await ann.caller.configMap.create({ tenant, name: 'unrelated' })
  await ann.caller.configMap.update({ tenant, name: 'settings', data: { A: 'changed' }, binaryData: {} })
  expect((await second.configuration()).objects[0]?.data).toEqual({ A: base64('changed') })
  expect(await second.desired()).toHaveLength(1)
  second.close()
})

it('what is more than a message holds is left out, and the pod says so', async () => {
  const host = await connect('h4')
  await host.desired()
  const names = Array.from({ length: 9 }, (_, i) => `large${i}`)
  for (const name of names) await ann.caller.configMap.create({ tenant, name, data: { a: 'x'.repeat(1 << 20) } })
  const uid = await run('many', host.hostId, ann, { envFrom: names.map((name) => ({ configMapRef: { name } })) })
  const message = await host.configuration()
  expect(message.objects).toHaveLength(8)
  expect(JSON.stringify(message).length).toBeLessThan(16 << 20)
  const { status } = await ann.caller.pod.get({ tenant, name: 'many' })
  expect(status.conditions.find((c) => c.type === 'ConfigurationAvailable')).toMatchObject({ status: 'False', reason: 'ConfigurationTooLarge', message: expect.stringContaining('ConfigMap "large8" has no room') })
  expect(uid).toBe(message.podUid)
  host.close()
})
