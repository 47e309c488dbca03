import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import { LostHosts } from '@/server/control/controllers/external/lost-hosts'
import { inTransaction } from '@/server/store/database'
import { listSilentHosts } from '@/server/store/load-balancers'
import { soon, startExternalWorld, type ExternalWorld, type Host } from './testing/external-world'

let world: ExternalWorld
let steady = 0
let [h1, h2]: Host[] = []

beforeAll(async () => {
  world = await startExternalWorld({ lostHosts: new LostHosts(() => steady) })
})
afterAll(() => world.stop())
beforeEach(async () => {
  h1 = await world.connect('h1')
  h2 = await world.connect('h2')
  await world.db.host.updateMany({ data: { leaseToldAt: null } })
})
// Everything deletes to nothing.
afterEach(async () => {
  await world.clear(...both())
  for (const host of both()) host.close()
})

const both = (): [Host, Host] => {
  if (!h1 || !h2) throw new Error('no hosts')
  return [h1, h2]
}
const said = async (uid: string, type: string) => {
  const row = await world.condition(uid, type)
  return row && `${row.status} ${row.reason}`
}

describe('a service that wants the outside', () => {
  it('has a balancer on a host that has said what it answers for, an address, and an address in its network', async () => {
    const [a, b] = both()
    const { uid } = await world.service('web')
    await soon(() => said(uid, 'LoadBalancer')).toBe('False Pending')
    expect([a.seen.includes('complete'), b.seen.includes('complete')]).toEqual([false, false])
    await Promise.all([a.begin(), b.begin()])
    await soon(() => said(uid, 'LoadBalancer')).toBe('True Ready')
    const [host] = [a, b].filter((one) => one.balancers().length > 0)
    expect([...a.balancers(), ...b.balancers()]).toMatchObject([{ name: 'web', namespace: 'shop', addresses: ['198.18.100.2'], until: 15, networkId: world.networkId, network: { inner: ['10.1.0.2'], subnets: [{ cidr: '10.1.0.0/24', gateway: '10.1.0.1' }] }, listeners: [{ port: 80, protocol: 'tcp' }] }])
    expect([...(host?.has.values() ?? [])].find(({ kind }) => kind === 'addressPool')).toMatchObject({ name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' })
    expect(host?.seen.indexOf('desired')).toBeLessThan(host?.seen.indexOf('complete') ?? -1)
    expect(await world.db.event.findMany({ where: { objectUid: uid }, select: { reason: true } })).toContainEqual({ reason: 'LoadBalancerReady' })
    // What only restates what is there writes nothing.
    const changes = () => world.db.$queryRaw<unknown[]>`select 1 from "Change" where "kind" in ('LoadBalancer', 'FloatingAddress', 'External')`
    const before = (await changes()).length
    await world.db.$executeRaw`update "LoadBalancer" set "labels" = '{"a": "b"}'`
    await world.ready(a, uid)
    expect((await changes()).length).toBeLessThan(before + 3)
  })

  it('follows its ready pods, with their weights', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    const { uid } = await world.service('web')
    const one = await world.pod('one', a, 'web')
    const two = await world.pod('two', a, 'web', { 'balancer.hypernetes.io/weight': '5' })
    await soon(() => said(uid, 'LoadBalancer')).toBe('True Ready')
    await world.ready(a, one.uid)
    await world.ready(a, two.uid)
    const servers = () => [...a.servers('tcp-80'), ...b.servers('tcp-80')].map(({ port, weight }) => `${port} ${weight}`).sort()
    await soon(servers).toEqual(['8080 1', '8080 5'])
    // A weight that is taken away counts no more.
    await world.db.pod.update({ where: { uid: two.uid }, data: { annotations: {} } })
    await soon(servers).toEqual(['8080 1', '8080 1'])
    await world.db.pod.update({ where: { uid: two.uid }, data: { annotations: { 'balancer.hypernetes.io/weight': '5' } } })
    await soon(servers).toEqual(['8080 1', '8080 5'])
    // The host with pods of its network runs it.
    await world.ready(a, one.uid, false)
    await soon(servers).toEqual(['8080 5'])
  })

  it('has the address that it names, and says why it has none', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    const { uid } = await world.service('named', {}, { 'balancer.hypernetes.io/floating-address': 'mine' })
    await soon(() => said(uid, 'LoadBalancer')).toBe('False NoAddress')
    const { uid: addressUid } = await world.floating('mine', '198.18.100.77')
    await soon(() => [...a.addresses(), ...b.addresses()]).toEqual(['198.18.100.77'])
    await soon(() => said(addressUid, 'Associated')).toBe('True Associated')
    const other = await world.service('other', { loadBalancerIP: '198.18.100.77' })
    await soon(() => said(other.uid, 'LoadBalancer')).toBe('False NoAddress')
    const foreign = await world.service('foreign', { externalIPs: ['203.0.113.5'] })
    await soon(() => said(foreign.uid, 'LoadBalancer')).toBe('False NoAddress')
    const wrong = await world.service('wrong', {}, { 'balancer.hypernetes.io/algorithm': 'best' })
    await soon(() => said(wrong.uid, 'LoadBalancer')).toBe('False Invalid')
  })
})

describe('an address of a pod', () => {
  it('moves to a pod on another host only once its host has said that it answers no more', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    await world.pod('one', a)
    await world.pod('two', b)
    const { uid } = await world.floating('moving', '198.18.100.50', { kind: 'Pod', namespace: 'shop', name: 'one' })
    await soon(() => a.addresses()).toEqual(['198.18.100.50'])
    await soon(() => said(uid, 'Active')).toBe('True Active')
    a.holdAnswers()
    await world.aim('moving', '198.18.100.50', { kind: 'Pod', namespace: 'shop', name: 'two' })
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
    await world.cordon(b, true)
    await world.pod('two', b)
    const { uid } = await world.service('web')
    for (const last of [60, 61]) await world.floating(`n${last}`, `198.18.100.${last}`, { kind: 'Service', namespace: 'shop', name: 'web' })
    await soon(() => a.addresses()).toEqual(['198.18.100.60', '198.18.100.61'])
    await soon(async () => (await said(uid, 'LoadBalancer'))?.slice(0, 4)).toBe('True')
    a.removed.length = 0
    a.holdAnswers()
    await world.aim('n61', '198.18.100.61', { kind: 'Pod', namespace: 'shop', name: 'two' })
    await soon(() => a.addresses()).toEqual(['198.18.100.60'])
    expect(b.addresses()).toEqual([])
    await a.answersAgain()
    await soon(() => b.addresses()).toEqual(['198.18.100.61'])
    expect(a.removed).toEqual([])
    await world.cordon(b, false)
  })

  it('goes from a pod to a balancer of the same host in two steps, and follows a pod of the same name', async () => {
    const [a, b] = both()
    await a.begin()
    await b.begin()
    const first = await world.pod('one', a)
    await world.floating('moving', '198.18.100.50', { kind: 'Pod', namespace: 'shop', name: 'one' })
    await soon(() => a.addresses()).toEqual(['198.18.100.50'])
    await inTransaction(world.db, async (tx) => {
      await tx.networkAddress.deleteMany({ where: { podUid: first.uid } })
      await tx.podAssignment.deleteMany({ where: { podUid: first.uid } })
      await tx.pod.delete({ where: { uid: first.uid } })
    })
    await soon(() => a.addresses()).toEqual([])
    await world.pod('one', b)
    await soon(() => b.addresses()).toEqual(['198.18.100.50'])
    const { uid } = await world.service('web')
    await soon(() => said(uid, 'LoadBalancer')).toBe('True Ready')
    await world.aim('moving', '198.18.100.50', { kind: 'Service', namespace: 'shop', name: 'web' })
    await soon(() => [...a.addresses(), ...b.addresses()]).toEqual(['198.18.100.50'])
    await soon(() => [...a.balancers(), ...b.balancers()].map(({ addresses }) => addresses)).toEqual([['198.18.100.50']])
    // The one that was taken for it is given back.
    await soon(() => world.db.floatingAddress.count()).toBe(1)
  })
})

/** What the host's row says of whether it knows that it may answer for nothing for ever. */
const isToldLease = async ({ hostId }: Host) => (await world.db.host.findUniqueOrThrow({ where: { id: hostId } })).leaseToldAt !== null

/** It says what it took, as each of its heartbeats does. */
const knows = (host: Host) => soon(async () => {
  await host.heartbeat()
  return isToldLease(host)
}).toBe(true)

describe('a host that goes', () => {
  it('loses what it has after its time, and has it no more when it comes back', async () => {
    const [a, b] = both()
    await Promise.all([a.begin(), b.begin()])
    await world.cordon(b, true)
    const { uid } = await world.service('web')
    await soon(() => a.addresses()).toEqual(['198.18.100.2'])
    await knows(a)
    await world.cordon(b, false)
    await world.db.host.update({ where: { id: a.hostId }, data: { phase: 'Unknown' } })
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
    const can = (capabilities: string[]) => world.db.$executeRaw`update "Host" set "hello" = jsonb_set("hello", '{capabilities}', to_jsonb(${capabilities}::text[])) where "id" = ${b.hostId}::uuid`
    const isLost = async () => {
      let at = 0
      const lost = new LostHosts(() => at)
      lost.find(await listSilentHosts(world.db))
      at = 60_000
      return lost.find(await listSilentHosts(world.db)).has(a.hostId)
    }
    await a.begin()
    await world.cordon(b, true)
    await world.service('web')
    await soon(() => a.balancers().map(({ until }) => until)).toEqual([15])
    await knows(a)
    await can([])
    await soon(() => a.balancers().map(({ until }) => until)).toEqual([null])
    expect(await isToldLease(a)).toBe(false)
    await a.heartbeat()
    expect(await isToldLease(a)).toBe(false)
    await world.db.host.update({ where: { id: a.hostId }, data: { phase: 'Unknown' } })
    expect(await isLost()).toBe(false)
    // Nor does it lose anything where somebody removes it, or its tenant.
    await expect(world.db.host.delete({ where: { id: a.hostId } })).rejects.toThrow('FloatingAddress_hostId_fkey')
    await expect(world.db.$executeRaw`delete from "Tenant" where "id" = ${world.tenantId}`).rejects.toThrow('_tenantId_fkey')
    // The other one is upgraded later. That a message is on its way is no knowledge, nor is what was said before it came.
    const before = a.taken()
    await can(['networkObjects', 'externalObjects'])
    expect(await isLost()).toBe(false)
    await soon(() => a.balancers().map(({ until }) => until)).toEqual([15])
    await a.heartbeatOf(before)
    expect(await isToldLease(a)).toBe(false)
    await knows(a)
    expect(await isLost()).toBe(false)
    await world.db.host.update({ where: { id: a.hostId }, data: { phase: 'Unknown' } })
    expect(await isLost()).toBe(true)
    await a.heartbeat()
    await world.cordon(b, false)
  })

  it('is believed on its present connection alone', async () => {
    const [a] = both()
    await a.begin()
    await soon(() => a.taken()).toBe(1)
    const again = await world.connect('h1')
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
    await world.cordon(b, true)
    const kept = await world.service('kept')
    const { uid } = await world.service('gone')
    await soon(() => a.addresses()).toHaveLength(2)
    await soon(() => said(kept.uid, 'LoadBalancer')).toBe('True Ready')
    const held = [...a.has.values()]
    a.close()
    await world.db.service.delete({ where: { uid } })
    await soon(() => world.db.loadBalancer.count({ where: { leaving: true } })).toBe(1)
    h1 = await world.connect('h1', { held })
    expect(h1.addresses()).toHaveLength(2)
    await h1.begin()
    await soon(() => h1?.addresses()).toHaveLength(1)
    await soon(() => world.db.loadBalancer.count()).toBe(1)
    await world.cordon(b, false)
  })
})
