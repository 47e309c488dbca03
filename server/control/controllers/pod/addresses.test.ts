import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { startTestServer } from '@/server/api/testing/server'
import { removePod } from '@/server/store/assignments'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { runControllers } from '../../runtime/controller'
import { podController } from './controller'

/** A busy machine is slow. */
const soon = { timeout: 30_000, interval: 10 }
let server: Awaited<ReturnType<typeof startTestServer>>
const ended = new AbortController()
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(async () => {
  ended.abort()
  await server.stop()
})

it('a pod that waits for an address says why, and gets it as soon as it is free', async () => {
  const ann = await server.signUp('ann')
  const hostId = (await registerHost(server.db, 'h1', 'h1')).id
  void runControllers({ db: server.db, log: server.server.log, feed: server.server.feed }, [podController], ended.signal)
  const networkId = (await server.db.network.create({ data: { tenantId: ann.tenant.id, name: 'small', spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24', allocationRanges: [{ start: '10.9.0.5', end: '10.9.0.5' }] } } }) } })).uid
  const pod = (name: string, network?: object) => inTransaction(server.db, (tx) => tx.pod.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name, networkId, hostId, spec: { containers: [{ name: 'a', image: 'busybox' }], ...(network ? { network: { securityGroups: [], addresses: [], ...network } } : {}) } } })).then(({ uid }) => uid)
  const condition = async (objectUid: string) => (await server.db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type: 'AddressAllocated' } } }))?.reason
  const assigned = async (uid: string) => server.db.podAssignment.count({ where: { podUid: uid } })
  const first = await pod('first')
  await expect.poll(() => condition(first), soon).toBe('Allocated')
  const [second, third] = [await pod('second'), await pod('third', { addresses: ['10.9.0.5'] })]
  await expect.poll(() => condition(second), soon).toBe('NoFreeAddress')
  await expect.poll(() => condition(third), soon).toBe('AddressTaken')
  expect(await server.db.event.findMany({ where: { objectUid: third }, select: { type: true, reason: true } })).toEqual([{ type: 'Warning', reason: 'AddressTaken' }])
  expect([await assigned(second), await assigned(third)]).toEqual([0, 0])
  await inTransaction(server.db, (tx) => removePod(tx, first))
  await expect.poll(async () => [await condition(second), await condition(third)].sort().join(), soon).toMatch(/^AddressTaken,Allocated$|^Allocated,NoFreeAddress$/)
  expect((await assigned(second)) + (await assigned(third))).toBe(1)
  // A larger range is as good as a pod that goes.
  await inTransaction(server.db, (tx) => tx.network.update({ where: { uid: networkId }, data: { spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } }))
  if ((await condition(second)) === 'NoFreeAddress') await expect.poll(() => condition(second), soon).toBe('Allocated')
})

describe('one pod among those of its network', () => {
  const control = () => ({ db: server.db, log: server.server.log, feed: server.server.feed })
  const make = async (who: string) => {
    const tenantId = (await server.signUp(who)).tenant.id
    const hostId = (await registerHost(server.db, who, who)).id
    const networkId = (await server.db.network.create({ data: { tenantId, name: who, spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } })).uid
    const pod = async (name: string) => (await server.db.pod.create({ data: { tenantId, namespace: 'default', name, networkId, hostId, spec: { containers: [{ name: 'a', image: 'busybox' }] } } })).uid
    return { networkId, pod }
  }

  it('that cannot be read is in no other’s way', async () => {
    const { networkId, pod } = await make('cat')
    const uids = [await pod('a'), await pod('b'), await pod('c')].sort()
    await server.db.$executeRaw`update "Pod" set "spec" = '{"containers": 5}' where "uid" = ${uids[0]}::uuid`
    await expect(podController.reconcile(control(), `network:${networkId}`)).rejects.toThrow()
    expect(await server.db.networkAddress.count({ where: { networkId } })).toBe(2)
    expect(await podController.allKeys(control())).toEqual(expect.arrayContaining(uids))
  })

  it('is held before its network, as where a pod is replaced', async () => {
    const { networkId, pod } = await make('dan')
    const uid = await pod('a')
    let placed: Promise<unknown> = Promise.resolve()
    await inTransaction(server.db, async (tx) => {
      await tx.$queryRaw`select 1 from "Pod" where "uid" = ${uid}::uuid for update`
      placed = podController.reconcile(control(), uid)
      const waits = () => server.db.$queryRaw<{ n: number }[]>`select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      await expect.poll(async () => (await waits())[0]?.n, soon).toBeGreaterThan(0)
      await tx.$queryRaw`select 1 from "Network" where "uid" = ${networkId}::uuid for update`
    })
    await placed
    expect(await server.db.networkAddress.count({ where: { podUid: uid } })).toBe(1)
  })
})
