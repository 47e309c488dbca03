import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { setCondition, setConditionIfThere } from './conditions'
import { inSnapshot, inTransaction } from './database'
import { NetworkStateCache, readNetworkState } from './network-state'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

const network = async (name: string) => (await server.db.network.create({ data: { tenantId: ann.tenant.id, name, spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } })).uid
const service = async (networkId: string, name: string) => (await server.db.service.create({ data: { tenantId: ann.tenant.id, namespace: 'n', name, networkId, spec: serviceSpec.parse({ ports: [{ port: 80 }] }) } })).uid

it('a network read with what was read before is the same as read anew, in each snapshot its own, and rows that did not change are the same objects', async () => {
  const id = await network('cached')
  const cache = new NetworkStateCache()
  const [one, two] = [await service(id, 'one'), await service(id, 'two')]
  const first = await readNetworkState(server.db, id, cache)
  expect(await readNetworkState(server.db, id, cache)).toBe(first)
  await inSnapshot(server.db, async (tx) => {
    const before = await readNetworkState(tx, id, cache)
    await server.db.service.update({ where: { uid: one }, data: { spec: serviceSpec.parse({ ports: [{ port: 81 }] }) } })
    await server.db.service.delete({ where: { uid: two } })
    await service(id, 'three')
    const after = await readNetworkState(server.db, id, cache)
    expect(after?.services.map(({ name, spec }) => `${name} ${spec.ports[0]?.port}`).sort()).toEqual(['one 81', 'three 80'])
    // What is cached now is newer than this snapshot, which knows only what was.
    expect(await readNetworkState(tx, id, cache)).toEqual(before)
  })
  const now = await readNetworkState(server.db, id, cache)
  expect(now).toEqual(await readNetworkState(server.db, id))
  // An address of a service is a change of it.
  await server.db.serviceAddress.create({ data: { networkId: id, serviceUid: one, address: '10.96.0.1' } })
  const addressed = await readNetworkState(server.db, id, cache)
  expect(addressed?.services.find(({ uid }) => uid === one)?.addresses).toEqual(['10.96.0.1'])
  const third = (of: typeof now) => of?.services.find(({ name }) => name === 'three')
  expect(third(addressed)).toBe(third(now))
  expect(await readNetworkState(server.db, one, cache)).toBeNull()
})

it('a condition is written of what is there alone', async () => {
  const uid = await network('short')
  const say = () => inTransaction(server.db, (tx) => setConditionIfThere(tx, { objectUid: uid, objectKind: 'Network', type: 'Ready', status: 'True', reason: 'Ready', message: '', observedGeneration: 1 }))
  expect(await say()).toBe(true)
  await ann.caller.network.delete({ tenant: ann.tenant.slug, name: 'short' })
  expect(await say()).toBe(false)
  expect(await server.db.objectCondition.count({ where: { objectUid: uid } })).toBe(0)
})

it('a condition goes with its object, also one that is written while that is deleted', async () => {
  const uid = await network('contested')
  const condition = { objectUid: uid, objectKind: 'Network', status: 'True', reason: 'Ready', message: '', observedGeneration: 1 } as const
  let deletion: Promise<unknown> | null = null
  await inTransaction(server.db, async (tx) => {
    await setCondition(tx, { ...condition, type: 'Before' })
    deletion = inTransaction(server.db, (other) => other.network.delete({ where: { uid } }))
    // Until the deletion waits for this transaction.
    await vi.waitUntil(async () => (await tx.$queryRaw<unknown[]>`select 1 from pg_locks where not "granted" and pg_backend_pid() = any(pg_blocking_pids("pid"))`).length > 0, { timeout: 10_000 })
  })
  await deletion
  await setCondition(server.db, { ...condition, type: 'After' })
  expect(await server.db.objectCondition.count({ where: { objectUid: uid } })).toBe(0)
})
