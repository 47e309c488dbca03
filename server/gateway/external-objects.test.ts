import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { floatingAddressSpec } from '@/domain/floating-address/spec'
import { networkSpec } from '@/domain/network/spec'
import { podSpec } from '@/domain/pod/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { createEndpointsController } from '@/server/control/controllers/endpoints/controller'
import { createExternalControllers } from '@/server/control/controllers/external/controller'
import { LostHosts } from '@/server/control/controllers/external/lost-hosts'
import { listSilentHosts } from '@/server/store/load-balancers'
import { podController } from '@/server/control/controllers/pod/controller'
import { inTransaction } from '@/server/store/database'
import { HostSessions } from './host-sessions'
import { connectExternalHost } from './testing/external-host'
import { startControllers } from './testing/running-controllers'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let networkId: string
let stop = async () => {}
let steady = 0
const sessions = new HostSessions()
type Host = Awaited<ReturnType<typeof connectExternalHost>>
let [h1, h2]: Host[] = []

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  await server.db.addressPool.create({ data: { name: 'default', family: 4, isDefault: true, spec: addressPoolSpec.parse({ subnet: { cidr: '198.18.100.0/24' }, default: true }) } })
  networkId = (await server.db.network.create({ data: { tenantId: ann.tenant.id, name: 'outside', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })).uid
  await server.db.namespace.create({ data: { tenantId: ann.tenant.id, name: 'shop', spec: { network: 'outside' } } })
  stop = await startControllers(server, sessions, [podController, createEndpointsController(), ...createExternalControllers({ defaultQuota: 10, lostHosts: new LostHosts(() => steady) })])
})
afterAll(async () => {
  await stop()
  await server.stop()
})
beforeEach(async () => {
  h1 = await connectExternalHost(server, sessions, 'h1')
  h2 = await connectExternalHost(server, sessions, 'h2')
  await server.db.host.updateMany({ data: { leaseToldAt: null } })
})
afterEach(async () => {
  const { db } = server
  await inTransaction(db, async (tx) => {
    await tx.service.deleteMany()
    await tx.ingress.deleteMany()
    await tx.floatingAddress.updateMany({ where: { managed: false }, data: { deletedAt: new Date() } })
    await tx.networkAddress.deleteMany({ where: { podUid: { not: null } } })
    await tx.podAssignment.deleteMany()
    await tx.podReport.deleteMany()
    await tx.pod.deleteMany()
  })
  await Promise.all([h1, h2].map((host) => host?.answersAgain()))
  // Everything deletes to nothing.
  await soon(async () => [await db.loadBalancer.count(), await db.floatingAddress.count(), await db.networkAddress.count()]).toEqual([0, 0, 0])
  for (const host of [h1, h2]) host?.close()
})

/** Two processes and three connections take part, on a machine that may do other work. */
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 15_000, interval: 20 })
const both = (): [Host, Host] => {
  if (!h1 || !h2) throw new Error('no hosts')
  return [h1, h2]
}
const service = (name: string, spec: object = {}, annotations: Record<string, string> = {}) => inTransaction(server.db, (tx) => tx.service.create({ data: { tenantId: ann.tenant.id, namespace: 'shop', name, networkId, annotations, spec: serviceSpec.parse({ type: 'LoadBalancer', selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...spec }) } }))
const floating = (name: string, address: string, target?: object) => inTransaction(server.db, async (tx) => {
  const pool = await tx.addressPool.findFirstOrThrow()
  return tx.floatingAddress.create({ data: { tenantId: ann.tenant.id, name, address, poolId: pool.uid, spec: floatingAddressSpec.parse({ address, target }) } })
})
const aim = (name: string, address: string, target?: object) => inTransaction(server.db, (tx) => tx.floatingAddress.updateMany({ where: { name }, data: { spec: floatingAddressSpec.parse({ address, target }), generation: { increment: 1 } } }))
const pod = async (name: string, host: Host, app = name, annotations: Record<string, string> = {}) => inTransaction(server.db, (tx) => tx.pod.create({ data: { tenantId: ann.tenant.id, namespace: 'shop', name, labels: { app }, annotations, networkId, hostId: host.hostId, spec: podSpec.parse({ containers: [{ name: 'a', image: 'busybox' }] }) } }))
const ready = (host: Host, uid: string, isReady = true) => host.report({ uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', containers: [], startMode: null, startSteps: [], startedAt: null, conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', reason: '', message: '', lastTransitionTime: new Date().toISOString() }] })
const cordon = ({ hostId }: Host, unschedulable: boolean) => server.db.host.update({ where: { id: hostId }, data: { unschedulable } })
const said = async (uid: string, type: string) => {
  const row = await server.db.objectCondition.findUnique({ where: { objectUid_type: { objectUid: uid, type } } })
  return row && `${row.status} ${row.reason}`
}

describe('a service that wants the outside', () => {
  it('has a balancer on a host that has said what it answers for, an address, and an address in its network', async () => {
    const [a, b] = both()
    const { uid } = await service('web')
    await soon(() => said(uid, 'LoadBalancer')).toBe('False Pending')
    expect([a.seen.includes('complete'), b.seen.includes('complete')]).toEqual([false, false])
    await Promise.all([a.begin(), b.begin()])
    await soon(() => said(uid, 'LoadBalancer')).toBe('True Ready')
    const [host] = [a, b].filter((one) => one.balancers().length > 0)
    expect([...a.balancers(), ...b.balancers()]).toMatchObject([{ name: 'web', namespace: 'shop', addresses: ['198.18.100.2'], until: 15, networkId, network: { inner: ['10.1.0.2'], subnets: [{ cidr: '10.1.0.0/24', gateway: '10.1.0.1' }] }, listeners: [{ port: 80, protocol: 'tcp' }] }])
    expect([...(host?.has.values() ?? [])].find(({ kind }) => kind === 'addressPool')).toMatchObject({ name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' })
    expect(host?.seen.indexOf('desired')).toBeLessThan(host?.seen.indexOf('complete') ?? -1)
    expect(await server.db.event.findMany({ where: { objectUid: uid }, select: { reason: true } })).toContainEqual({ reason: 'LoadBalancerReady' })
    // What only restates what is there writes nothing.
    const changes = () => server.db.$queryRaw<unknown[]>`select 1 from "Change" where "kind" in ('LoadBalancer', 'FloatingAddress', 'External')`
    const before = (await changes()).length
    await server.db.$executeRaw`update "LoadBalancer" set "labels" = '{"a": "b"}'`
    await ready(a, uid)
    expect((await changes()).length).toBeLessThan(before + 3)
  })

  it('follows its ready pods, with their weights', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    const { uid } = await service('web')
    const one = await pod('one', a, 'web')
    const two = await pod('two', a, 'web', { 'balancer.hypernetes.io/weight': '5' })
    await soon(() => said(uid, 'LoadBalancer')).toBe('True Ready')
    await ready(a, one.uid)
    await ready(a, two.uid)
    const servers = () => [...a.servers('tcp-80'), ...b.servers('tcp-80')].map(({ port, weight }) => `${port} ${weight}`).sort()
    await soon(servers).toEqual(['8080 1', '8080 5'])
    // A weight that is taken away counts no more.
    await server.db.pod.update({ where: { uid: two.uid }, data: { annotations: {} } })
    await soon(servers).toEqual(['8080 1', '8080 1'])
    await server.db.pod.update({ where: { uid: two.uid }, data: { annotations: { 'balancer.hypernetes.io/weight': '5' } } })
    await soon(servers).toEqual(['8080 1', '8080 5'])
    // The host with pods of its network runs it.
    await ready(a, one.uid, false)
    await soon(servers).toEqual(['8080 5'])
  })

  it('has the address that it names, and says why it has none', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    const { uid } = await service('named', {}, { 'balancer.hypernetes.io/floating-address': 'mine' })
    await soon(() => said(uid, 'LoadBalancer')).toBe('False NoAddress')
    const { uid: addressUid } = await floating('mine', '198.18.100.77')
    await soon(() => [...a.addresses(), ...b.addresses()]).toEqual(['198.18.100.77'])
    await soon(() => said(addressUid, 'Associated')).toBe('True Associated')
    const other = await service('other', { loadBalancerIP: '198.18.100.77' })
    await soon(() => said(other.uid, 'LoadBalancer')).toBe('False NoAddress')
    const foreign = await service('foreign', { externalIPs: ['203.0.113.5'] })
    await soon(() => said(foreign.uid, 'LoadBalancer')).toBe('False NoAddress')
    const wrong = await service('wrong', {}, { 'balancer.hypernetes.io/algorithm': 'best' })
    await soon(() => said(wrong.uid, 'LoadBalancer')).toBe('False Invalid')
  })
})

describe('an address of a pod', () => {
  it('moves to a pod on another host only once its host has said that it answers no more', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    await pod('one', a)
    await pod('two', b)
    const { uid } = await floating('moving', '198.18.100.50', { kind: 'Pod', namespace: 'shop', name: 'one' })
    await soon(() => a.addresses()).toEqual(['198.18.100.50'])
    await soon(() => said(uid, 'Active')).toBe('True Active')
    a.holdAnswers()
    await aim('moving', '198.18.100.50', { kind: 'Pod', namespace: 'shop', name: 'two' })
    await soon(() => a.addresses()).toEqual([])
    await soon(() => said(uid, 'Associated')).toBe('False Moving')
    expect(b.addresses()).toEqual([])
    await a.answersAgain()
    await soon(() => b.addresses()).toEqual(['198.18.100.50'])
    await soon(() => said(uid, 'Associated')).toBe('True Associated')
  })

  it('is had from a balancer that goes on with its other one, once the host has let go of that alone', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    await cordon(b, true)
    await pod('two', b)
    const { uid } = await service('web')
    for (const last of [60, 61]) await floating(`n${last}`, `198.18.100.${last}`, { kind: 'Service', namespace: 'shop', name: 'web' })
    await soon(() => a.addresses()).toEqual(['198.18.100.60', '198.18.100.61'])
    await soon(async () => (await said(uid, 'LoadBalancer'))?.slice(0, 4)).toBe('True')
    a.removed.length = 0
    a.holdAnswers()
    await aim('n61', '198.18.100.61', { kind: 'Pod', namespace: 'shop', name: 'two' })
    await soon(() => a.addresses()).toEqual(['198.18.100.60'])
    expect(b.addresses()).toEqual([])
    await a.answersAgain()
    await soon(() => b.addresses()).toEqual(['198.18.100.61'])
    expect(a.removed).toEqual([])
    await cordon(b, false)
  })

  it('goes from a pod to a balancer of the same host in two steps, and follows a pod of the same name', async () => {
    const [a, b] = both()
    await a.begin()
    await b.begin()
    const first = await pod('one', a)
    await floating('moving', '198.18.100.50', { kind: 'Pod', namespace: 'shop', name: 'one' })
    await soon(() => a.addresses()).toEqual(['198.18.100.50'])
    await inTransaction(server.db, async (tx) => {
      await tx.networkAddress.deleteMany({ where: { podUid: first.uid } })
      await tx.podAssignment.deleteMany({ where: { podUid: first.uid } })
      await tx.pod.delete({ where: { uid: first.uid } })
    })
    await soon(() => a.addresses()).toEqual([])
    await pod('one', b)
    await soon(() => b.addresses()).toEqual(['198.18.100.50'])
    const { uid } = await service('web')
    await soon(() => said(uid, 'LoadBalancer')).toBe('True Ready')
    await aim('moving', '198.18.100.50', { kind: 'Service', namespace: 'shop', name: 'web' })
    await soon(() => [...a.addresses(), ...b.addresses()]).toEqual(['198.18.100.50'])
    await soon(() => [...a.balancers(), ...b.balancers()].map(({ addresses }) => addresses)).toEqual([['198.18.100.50']])
    // The one that was taken for it is given back.
    await soon(() => server.db.floatingAddress.count()).toBe(1)
  })
})

/** What the host's row says of whether it knows that it may answer for nothing for ever. */
const isToldLease = async ({ hostId }: Host) => (await server.db.host.findUniqueOrThrow({ where: { id: hostId } })).leaseToldAt !== null

/** It says what it took, as each of its heartbeats does. */
const knows = (host: Host) => soon(async () => {
  await host.heartbeat()
  return isToldLease(host)
}).toBe(true)

describe('a host that goes', () => {
  it('loses what it has after its time, and has it no more when it comes back', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    await cordon(b, true)
    const { uid } = await service('web')
    await soon(() => a.addresses()).toEqual(['198.18.100.2'])
    await knows(a)
    await cordon(b, false)
    await server.db.host.update({ where: { id: a.hostId }, data: { phase: 'Unknown' } })
    await soon(() => said(uid, 'LoadBalancer')).toBe('Unknown HostUnknown')
    expect(b.addresses()).toEqual([])
    steady += 5_000
    await soon(() => b.addresses()).toEqual(['198.18.100.2'])
    await a.heartbeat()
    await soon(() => a.addresses()).toEqual([])
  })

  it('keeps what it has, however long, where it may answer for ever: until it said that it knows better', async () => {
    const [a, b] = both()
    // An agent of before there were addresses of the outside: nobody could take over.
    const can = (capabilities: string[]) => server.db.$executeRaw`update "Host" set "hello" = jsonb_set("hello", '{capabilities}', to_jsonb(${capabilities}::text[])) where "id" = ${b.hostId}::uuid`
    const isLost = async () => {
      let at = 0
      const lost = new LostHosts(() => at)
      lost.find(await listSilentHosts(server.db))
      at = 60_000
      return lost.find(await listSilentHosts(server.db)).has(a.hostId)
    }
    await a.begin()
    await cordon(b, true)
    await service('web')
    await soon(() => a.balancers().map(({ until }) => until)).toEqual([15])
    await knows(a)
    await can([])
    await soon(() => a.balancers().map(({ until }) => until)).toEqual([null])
    expect(await isToldLease(a)).toBe(false)
    await a.heartbeat()
    expect(await isToldLease(a)).toBe(false)
    await server.db.host.update({ where: { id: a.hostId }, data: { phase: 'Unknown' } })
    expect(await isLost()).toBe(false)
    // Nor does it lose anything where somebody removes it, or its tenant.
    await expect(server.db.host.delete({ where: { id: a.hostId } })).rejects.toThrow('FloatingAddress_hostId_fkey')
    await expect(server.db.$executeRaw`delete from "Tenant" where "id" = ${ann.tenant.id}`).rejects.toThrow('_tenantId_fkey')
    // The other one is upgraded later. That a message is on its way is no knowledge, nor is what was said before it came.
    const before = a.taken()
    await can(['networkObjects', 'externalObjects'])
    expect(await isLost()).toBe(false)
    await soon(() => a.balancers().map(({ until }) => until)).toEqual([15])
    await a.heartbeatOf(before)
    expect(await isToldLease(a)).toBe(false)
    await knows(a)
    expect(await isLost()).toBe(false)
    await server.db.host.update({ where: { id: a.hostId }, data: { phase: 'Unknown' } })
    expect(await isLost()).toBe(true)
    await a.heartbeat()
    await cordon(b, false)
  })

  it('is believed on its present connection alone', async () => {
    const [a] = both()
    await a.begin()
    await soon(() => a.taken()).toBe(1)
    const again = await connectExternalHost(server, sessions, 'h1')
    await a.heartbeat().catch(() => undefined)
    expect(await isToldLease(again)).toBe(false)
    h1 = again
    await again.begin()
    await soon(() => again.taken()).toBe(1)
    await again.heartbeatOf(undefined)
    expect(await isToldLease(again)).toBe(false)
    await knows(again)
  })

  it('keeps what it has where it comes back, and lets go of what was taken from it meanwhile', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    await cordon(b, true)
    const kept = await service('kept')
    const { uid } = await service('gone')
    await soon(() => a.addresses()).toHaveLength(2)
    await soon(() => said(kept.uid, 'LoadBalancer')).toBe('True Ready')
    const held = [...a.has.values()]
    a.close()
    await server.db.service.delete({ where: { uid } })
    await soon(() => server.db.loadBalancer.count({ where: { leaving: true } })).toBe(1)
    h1 = await connectExternalHost(server, sessions, 'h1', { held })
    expect(h1.addresses()).toHaveLength(2)
    await h1.begin()
    await soon(() => h1?.addresses()).toHaveLength(1)
    await soon(() => server.db.loadBalancer.count()).toBe(1)
    await cordon(b, false)
  })
})
