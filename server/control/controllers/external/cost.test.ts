import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { networkSpec } from '@/domain/network/spec'
import { podSpec } from '@/domain/pod/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { runControllers } from '@/server/control/runtime/controller'
import { inTransaction, isLockTimeout } from '@/server/store/database'
import { storeBalancerReport } from '@/server/store/external-reports'
import { FeedReader } from '@/server/store/feed-reader'
import { registerHost } from '@/server/store/hosts'
import { openCountedDatabase } from '@/server/store/testing/counted-database'
import { createExternalControllers } from './controller'

const quota = 10
let server: Awaited<ReturnType<typeof startTestServer>>
let counted: ReturnType<typeof openCountedDatabase>
/** The tenants of all turns, in their order. */
const turns: string[] = []
let stop = async () => {}

beforeAll(async () => {
  server = await startTestServer()
  await server.db.addressPool.create({ data: { name: 'default', family: 4, isDefault: true, spec: addressPoolSpec.parse({ subnet: { cidr: '198.18.100.0/24' }, default: true }) } })
  counted = openCountedDatabase(server.url)
  const feed = new FeedReader(server.db, server.url, () => {})
  await feed.start()
  const ended = new AbortController()
  const running = runControllers({ db: counted.db, log: server.server.log, feed }, createExternalControllers({ defaultQuota: quota, onTurn: (tenantId) => turns.push(tenantId) }).map((one) => ({ ...one, resyncSeconds: 3600 })), ended.signal)
  stop = async () => {
    ended.abort()
    await running
    await feed.close()
    await counted.db.$disconnect()
    await server.stop()
  }
})
afterAll(() => stop())

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 60_000, interval: 20 })
const turnsOf = (id: string) => turns.filter((one) => one === id).length

async function tenant(name: string) {
  const id = randomBytes(16).toString('hex')
  await server.db.tenant.create({ data: { id, slug: `${name}-${id}`, name } })
  const network = async (of: string, cidr = '10.1.0.0/16') => (await server.db.network.create({ data: { tenantId: id, name: of, spec: networkSpec.parse({ subnets: { a: { cidr } } }) } })).uid
  await server.db.namespace.create({ data: { tenantId: id, name: 'shop', spec: {} } })
  const networkId = await network('outside')
  const services = (count: number, { of = networkId, annotations = {}, from = 0 } = {}) => inTransaction(server.db, (tx) => tx.service.createMany({ data: Array.from({ length: count }, (_, i) => ({ tenantId: id, namespace: 'shop', name: `s${from + i}`, networkId: of, annotations, spec: serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'a' }, ports: [{ port: 80 }], ...(i % 2 === 1 && { ipFamilies: ['IPv6'] }) }) })) }))
  return {
    id, services, network,
    addresses: () => server.db.floatingAddress.count({ where: { tenantId: id, loadBalancerUid: { not: null } } }),
    told: async () => (await server.db.$queryRaw<{ n: number }[]>`select count(*)::int as n from "ObjectCondition" c join "Service" s on s."uid" = c."objectUid" where s."tenantId" = ${id} and c."type" = 'LoadBalancer' and c."reason" <> 'Pending'`)[0]?.n,
  }
}

/** All changes that were written up to now have been looked at: those of another tenant, which came later, have. */
async function passed(name: string): Promise<void> {
  const marker = await tenant(name)
  await marker.services(1)
  await soon(marker.addresses).toBe(1)
}

/** What a tenant's changes lead to has led to nothing more: its last turn may come after that of another tenant, beside it. Returns how many turns it had. */
async function rested(id: string): Promise<number> {
  for (let before = -1; before !== turnsOf(id);) {
    before = turnsOf(id)
    await passed('another')
  }
  return turnsOf(id)
}

describe('what a tenant has on the outside', () => {
  it('holds up no other tenant, however much of it is in vain, and costs one question for an address that there is not', { timeout: 120_000 }, async () => {
    const [ann, bob] = [await tenant('ann'), await tenant('bob')]
    const [asked, sent] = [counted.sent('floatingAddressQuota'), counted.statements()]
    await ann.services(300)
    await bob.services(1)
    await soon(bob.addresses).toBe(1)
    await soon(ann.told).toBe(300)
    expect(await ann.addresses()).toBe(quota)
    const { reason, message } = await server.db.objectCondition.findFirstOrThrow({ where: { objectKind: 'Service', message: { contains: 'may have 10' } } })
    expect([reason, message]).toEqual(['NoAddress', expect.stringContaining('ask an operator for more')])
    // Who was given the last of them was never told that there is none.
    expect((await server.db.$queryRaw<{ n: number }[]>`select count(*)::int as n from "Event" e join "LoadBalancer" b on b."sourceUid" = e."objectUid" join "FloatingAddress" f on f."loadBalancerUid" = b."uid" where b."tenantId" = ${ann.id} and e."reason" = 'NoAddress'`)[0]?.n).toBe(0)
    await passed('carol')
    const [before, statements] = [turnsOf(ann.id), counted.statements()]
    // A change of each of 300 rows, and its own conditions, are no 300 turns.
    expect(before).toBeLessThanOrEqual(20)
    expect(counted.sent('floatingAddressQuota') - asked).toBeLessThanOrEqual(quota + 20)
    expect(statements - sent).toBeLessThan(4_000)
    await ann.services(1, { from: 300 })
    await soon(ann.told).toBe(301)
    await passed('dave')
    // One more is its row, its condition, and one look after it.
    expect(turnsOf(ann.id) - before).toBeLessThanOrEqual(5)
    expect(counted.statements() - statements).toBeLessThan(250)
    expect(counted.sent('floatingAddressQuota') - asked).toBeLessThanOrEqual(quota + 25)
    // With another quota one more gets an address, though nothing of the tenant's changed.
    await inTransaction(server.db, (tx) => tx.tenant.update({ where: { id: ann.id }, data: { floatingAddressQuota: quota + 1 } }))
    await soon(ann.addresses).toBe(quota + 1)
  })

  it('is read by digest: what is written besides is never read, and what is known is not read again', { timeout: 120_000 }, async () => {
    const ann = await tenant('ann')
    const [count, size, begin] = [40, 200 << 10, counted.bytes()]
    await ann.services(count, { annotations: { 'example.com/note': 'x'.repeat(size) } })
    await soon(ann.told).toBe(count)
    await passed('bob')
    expect(counted.bytes() - begin).toBeLessThan(count * size / 10)
    const before = counted.bytes()
    // Not what the controller goes by.
    const all = await rested(ann.id)
    await inTransaction(server.db, (tx) => tx.$executeRaw`update "Service" set "annotations" = "annotations" || '{"example.com/other": "y"}', "labels" = '{"a": "b"}' where "tenantId" = ${ann.id}`)
    await passed('carol')
    expect(turnsOf(ann.id)).toBe(all)
    await inTransaction(server.db, (tx) => tx.$executeRaw`update "Service" set "annotations" = "annotations" || '{"balancer.hypernetes.io/algorithm": "source"}' where "tenantId" = ${ann.id} and "name" = 's1'`)
    await soon(() => server.db.loadBalancer.count({ where: { tenantId: ann.id, generation: 2 } })).toBe(1)
    await passed('dave')
    expect(counted.bytes() - before).toBeLessThan(2 * size)
  })

  it('waits for no turn because of what its servers do, but for what its host says of it', { timeout: 120_000 }, async () => {
    const ann = await tenant('ann')
    const { id: hostId } = await registerHost(server.db, 'h1', 'key 1')
    await server.db.$executeRaw`update "Host" set "phase" = 'Ready', "hello" = '{"capabilities": ["externalObjects"]}', "lastHeartbeat" = now()`
    await ann.services(1)
    const where = { tenantId: ann.id, hostId }
    await soon(() => server.db.loadBalancer.count({ where })).toBe(1)
    const { uid } = await server.db.loadBalancer.findFirstOrThrow({ where })
    const report = (phase: 'Active' | 'Degraded', down: string[]) => inTransaction(server.db, (tx) => storeBalancerReport(tx, hostId, { kind: 'balancer', uid, phase, reason: '', message: '', down }))
    await report('Active', [])
    await soon(() => server.db.objectCondition.count({ where: { objectUid: uid, status: 'True' } })).toBe(1)
    const before = await rested(ann.id)
    for (let i = 0; i < 20; i += 1) await report('Active', i % 2 === 0 ? ['10.1.0.5:80'] : [])
    await passed('carol')
    expect(turnsOf(ann.id)).toBe(before)
    await report('Degraded', [])
    await soon(() => server.db.objectCondition.count({ where: { objectUid: uid, reason: 'Degraded' } })).toBe(1)
  })

  it('is made one network after another: nobody who holds one of them waits in a circle', { timeout: 120_000 }, async () => {
    const ann = await tenant('ann')
    const networks = [await ann.network('one', '10.2.0.0/16'), await ann.network('two', '10.3.0.0/16')].sort()
    const ctx = { db: counted.db, log: server.server.log, feed: server.server.feed }
    const [external] = createExternalControllers({ defaultQuota: quota })
    const turn = () => external?.reconcile(ctx, `tenant:${ann.id}`)
    await inTransaction(server.db, async (tx) => {
      await tx.$queryRaw`select 1 from "Network" where "uid" = ${networks[1]}::uuid for no key update`
      // The feed waits for this transaction to end: the turn is begun by hand.
      await inTransaction(server.db, (other) => other.service.createMany({ data: networks.map((networkId, i) => ({ tenantId: ann.id, namespace: 'shop', name: `s${i}`, networkId, spec: serviceSpec.parse({ type: 'LoadBalancer', ports: [{ port: 80 }] }) })) }))
      // It does not wait for the end of this transaction: it is tried again.
      await expect(turn()).rejects.toSatisfy(isLockTimeout)
      // What was done before the second one is done, and the first is held no more.
      expect(await server.db.loadBalancer.count({ where: { tenantId: ann.id } })).toBe(1)
      await tx.$queryRaw`select 1 from "Network" where "uid" = ${networks[0]}::uuid for no key update nowait`
    })
    await turn()
    expect(await server.db.loadBalancer.count({ where: { tenantId: ann.id } })).toBe(2)
  })

  it('waits shortly for a tenant whose manifest is being applied, for others have their turns', { timeout: 120_000 }, async () => {
    const ann = await tenant('ann')
    const [external] = createExternalControllers({ defaultQuota: quota })
    const ctx = { db: counted.db, log: server.server.log, feed: server.server.feed }
    await inTransaction(server.db, async (tx) => {
      await tx.$queryRaw`select 1 from "Tenant" where "id" = ${ann.id} for no key update`
      // Another connection, with no need of the row: the feed waits for this transaction to end, so that its turns are begun by hand.
      await ann.services(1)
      const turns = async () => { while (((await external?.reconcile(ctx, `tenant:${ann.id}`)) ?? []).length > 0); }
      await expect(turns()).rejects.toSatisfy(isLockTimeout)
    })
    await soon(ann.addresses).toBe(1)
  })

  it('is looked at again for a host that is lost where it has something there, and nobody else’s is', async () => {
    await server.db.host.updateMany({ data: { unschedulable: true } })
    const [ann, bob] = [await tenant('ann'), await tenant('bob')]
    const { id: hostId } = await registerHost(server.db, 'h2', 'key 2')
    await ann.services(1)
    await bob.services(1)
    await soon(async () => [await ann.addresses(), await bob.addresses()]).toEqual([1, 1])
    await server.db.loadBalancer.updateMany({ where: { tenantId: ann.id }, data: { hostId } })
    const [all, hosts] = createExternalControllers({ defaultQuota: quota })
    const ctx = { db: server.db, log: server.server.log, feed: server.server.feed }
    expect(await hosts?.reconcile(ctx, `host:${hostId}`)).toEqual([`tenant:${ann.id}`])
    // Once it is Ready, those that wait for one.
    expect(await all?.reconcile(ctx, `host:${hostId}`)).toEqual([`tenant:${ann.id}`])
    await server.db.host.update({ where: { id: hostId }, data: { phase: 'Ready' } })
    // Of tenants of other tests, some may wait as well.
    expect(await all?.reconcile(ctx, `host:${hostId}`)).toEqual(expect.arrayContaining([`tenant:${ann.id}`, `tenant:${bob.id}`]))
    // Nothing of bob's waits for a host, but what runs elsewhere than his pods may come to them.
    const { id: other } = await registerHost(server.db, 'h3', 'key 3')
    // Else it has to leave it at once.
    await server.db.$executeRaw`update "Host" set "hello" = '{"capabilities": ["externalObjects"]}' where "id" = ${other}::uuid`
    await server.db.loadBalancer.updateMany({ where: { tenantId: bob.id }, data: { hostId: other } })
    expect(await all?.reconcile(ctx, `host:${hostId}`)).not.toContain(`tenant:${bob.id}`)
    const { networkId } = await server.db.loadBalancer.findFirstOrThrow({ where: { tenantId: bob.id } })
    await server.db.pod.create({ data: { tenantId: bob.id, namespace: 'shop', name: 'one', labels: {}, annotations: {}, networkId, hostId, spec: podSpec.parse({ containers: [{ name: 'a', image: 'busybox' }] }) } })
    expect(await all?.reconcile(ctx, `host:${hostId}`)).toContain(`tenant:${bob.id}`)
    // Nor is it where a ready endpoint of its service is, or one that is of no host.
    const { uid } = await server.db.endpoints.create({ data: { tenantId: bob.id, namespace: 'shop', name: 's0', subsets: [{ addresses: [{ ip: '10.1.0.9', nodeName: hostId }] }] } })
    expect(await all?.reconcile(ctx, `endpoints:${uid}`)).toEqual([`tenant:${bob.id}`])
    for (const nodeName of [{ nodeName: other }, {}]) {
      await server.db.endpoints.update({ where: { uid }, data: { subsets: [{ addresses: [{ ip: '10.1.0.9', nodeName: hostId }, { ip: '10.1.0.8', ...nodeName }] }] } })
      expect(await all?.reconcile(ctx, `endpoints:${uid}`)).toEqual([])
    }
  })

  it('is carried out only once somebody writes it, where it was stored before anything was', async () => {
    const dora = await server.signUp('dora')
    const spec = serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'a' }, ports: [{ port: 80 }] })
    const before = { tenant: dora.tenant.slug, namespace: 'default', name: 'old' }
    const { metadata: { uid } } = await dora.caller.service.create({ ...before, spec: { ...spec, type: 'ClusterIP' } })
    // As the upgrade leaves it.
    await server.db.$executeRaw`update "Service" set "spec" = jsonb_set("spec", '{type}', '"LoadBalancer"'), "heldBack" = true where "uid" = ${uid}::uuid`
    await passed('erin')
    expect([await server.db.loadBalancer.count({ where: { sourceUid: uid } }), turnsOf(dora.tenant.id)]).toEqual([0, 0])
    const { spec: stored } = await dora.caller.service.get(before)
    await dora.caller.service.update({ ...before, spec: stored })
    await soon(() => server.db.floatingAddress.count({ where: { tenantId: dora.tenant.id, loadBalancerUid: { not: null } } })).toBe(1)
  })
})
