import { afterAll, beforeAll, expect, it } from 'vitest'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { floatingAddressSpec } from '@/domain/floating-address/spec'
import { networkSpec } from '@/domain/network/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { createExternalControllers } from '@/server/control/controllers/external/controller'
import { runControllers } from '@/server/control/runtime/controller'
import { inTransaction } from '@/server/store/database'
import { openCountedDatabase } from '@/server/store/testing/counted-database'
import { HostSessions } from './host-sessions'
import { connectExternalHost } from './testing/external-host'
import { wakeHostsOnChanges } from './wake-hosts'

const balancers = 40
let server: Awaited<ReturnType<typeof startTestServer>>
let gateway: ReturnType<typeof openCountedDatabase>
let stop = async () => {}
const sessions = new HostSessions()

beforeAll(async () => {
  server = await startTestServer()
  gateway = openCountedDatabase(server.url)
  const stopWaking = wakeHostsOnChanges(server.server.feed, sessions, gateway.db)
  const ended = new AbortController()
  const running = runControllers({ db: server.db, log: server.server.log, feed: server.server.feed }, createExternalControllers({ defaultQuota: 1000 }), ended.signal)
  stop = async () => {
    stopWaking()
    ended.abort()
    await running
    await gateway.db.$disconnect()
    await server.stop()
  }
})
afterAll(() => stop())

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 20 })

it('reads of a host what changed, however much it has; everything only where it is to be told otherwise who could take over', { timeout: 180_000 }, async () => {
  const { db } = server
  const { tenant } = await server.signUp('ann')
  const { uid: poolId } = await db.addressPool.create({ data: { name: 'default', family: 4, isDefault: true, spec: addressPoolSpec.parse({ subnet: { cidr: '198.18.0.0/16' }, default: true }) } })
  const { uid: networkId } = await db.network.create({ data: { tenantId: tenant.id, name: 'n', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/16' } } }) } })
  await db.namespace.create({ data: { tenantId: tenant.id, name: 'shop', spec: { network: 'n' } } })
  const spec = serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'a' }, ports: Array.from({ length: 20 }, (_, i) => ({ name: `p${i}`, port: 8000 + i })) })
  const parts = { ...server, db: gateway.db }
  const h1 = await connectExternalHost(parts, sessions, 'h1')
  await h1.begin()
  await inTransaction(db, (tx) => tx.service.createMany({ data: Array.from({ length: balancers }, (_, i) => ({ tenantId: tenant.id, namespace: 'shop', name: `s${i}`, networkId, spec })) }))
  await soon(() => db.objectCondition.count({ where: { objectKind: 'Service', type: 'LoadBalancer', status: 'True' } })).toBe(balancers)
  // Of all statements that read balancers, those that read all of a host.
  const turns = () => gateway.sent('"networkSpec"')
  const wholes = () => gateway.sent('"networkSpec"', 'true')
  const aim = async (name: string) => {
    const address = '198.18.9.1'
    const aimed = floatingAddressSpec.parse({ address, target: { kind: 'Service', namespace: 'shop', name } })
    await inTransaction(db, (tx) => tx.floatingAddress.upsert({ where: { address }, create: { tenantId: tenant.id, name: 'own', address, poolId, spec: aimed }, update: { spec: aimed, generation: { increment: 1 } } }))
    await soon(() => h1.balancers().find((one) => one.name === name)?.addresses).toEqual([address])
  }
  expect([wholes(), turns() > 1]).toEqual([1, true])
  // From one balancer to another, which gives up what it had.
  for (const name of ['s1', 's2']) await aim(name)
  await soon(() => h1.balancers().length).toBe(balancers)
  expect(wholes()).toBe(1)
  // A host that could take over changes what all are told.
  const h2 = await connectExternalHost(parts, sessions, 'h2')
  await inTransaction(db, (tx) => tx.host.update({ where: { id: h2.hostId }, data: { unschedulable: true } }))
  await soon(() => new Set(h1.balancers().map(({ until }) => until))).toEqual(new Set([15]))
  await soon(() => h1.balancers().length).toBe(balancers)
  const [told, before] = [wholes(), turns()]
  expect(told).toBeLessThanOrEqual(3)
  // What else becomes of it does not.
  for (let i = 3; i < 8; i += 1) {
    await inTransaction(db, (tx) => tx.host.update({ where: { id: h2.hostId }, data: { annotations: { note: `${i}` } } }))
    await aim(`s${i}`)
  }
  await soon(() => h1.balancers().length).toBe(balancers)
  expect(wholes() - told).toBeLessThanOrEqual(1)
  expect(turns() - before).toBeGreaterThanOrEqual(5)
  expect(h1.failure()).toBeNull()
  for (const host of [h1, h2]) host.close()
})
