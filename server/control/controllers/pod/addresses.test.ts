import { afterAll, beforeAll, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { startTestServer } from '@/server/api/testing/server'
import { removePod } from '@/server/store/assignments'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { runControllers } from '../../runtime/controller'
import { podController } from './controller'

/** A busy machine is slow. */
const soon = { timeout: 10_000, interval: 10 }
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
