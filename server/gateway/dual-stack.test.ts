import { afterAll, beforeAll, expect, it } from 'vitest'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { floatingAddressSpec } from '@/domain/floating-address/spec'
import { networkSpec } from '@/domain/network/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { createEndpointsController } from '@/server/control/controllers/endpoints/controller'
import { createExternalControllers } from '@/server/control/controllers/external/controller'
import { inTransaction } from '@/server/store/database'
import { HostSessions } from './host-sessions'
import { connectExternalHost } from './testing/external-host'
import { startControllers } from './testing/running-controllers'

const quota = 5
let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let host: Awaited<ReturnType<typeof connectExternalHost>>
let networkId: string
let stop = async () => {}
const sessions = new HostSessions()

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  await pool('default', 4, '198.18.100.0/24')
  networkId = (await server.db.network.create({ data: { tenantId: ann.tenant.id, name: 'outside', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })).uid
  await server.db.namespace.create({ data: { tenantId: ann.tenant.id, name: 'shop', spec: { network: 'outside' } } })
  stop = await startControllers(server, sessions, [createEndpointsController(), ...createExternalControllers({ defaultQuota: quota })])
  host = await connectExternalHost(server, sessions, 'h1')
  await host.begin()
})
afterAll(async () => {
  host.close()
  await stop()
  await server.stop()
})

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 20 })
const pool = (name: string, family: 4 | 6, cidr: string) => inTransaction(server.db, (tx) => tx.addressPool.create({ data: { name, family, isDefault: true, spec: addressPoolSpec.parse({ subnet: { cidr }, default: true }) } }))
const spec = (over: object) => serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...over })
const service = async (name: string, over: object) => (await inTransaction(server.db, (tx) => tx.service.create({ data: { tenantId: ann.tenant.id, namespace: 'shop', name, networkId, spec: spec(over) } }))).uid
const put = (uid: string, over: object) => inTransaction(server.db, (tx) => tx.service.update({ where: { uid }, data: { spec: spec(over), generation: { increment: 1 } } }))
const addressesOf = (name: string) => host.balancers().find((one) => one.name === name)?.addresses
const said = async (uid: string) => {
  const row = await server.db.objectCondition.findUnique({ where: { objectUid_type: { objectUid: uid, type: 'LoadBalancer' } } })
  return row && [row.status, row.reason, row.message]
}
const text = (part: string) => expect.stringContaining(part) as string

it('a service of both families has an address of each, where there are such and its tenant may have them; else it is said of one that demands both', async () => {
  const prefers = await service('prefers', { ipFamilyPolicy: 'PreferDualStack' })
  await soon(() => said(prefers)).toEqual(['True', 'Ready', 'Answers at 198.18.100.2.'])
  const demands = await service('demands', { ipFamilyPolicy: 'RequireDualStack' })
  await soon(() => said(demands)).toEqual(['False', 'NotDualStack', text('Answers at 198.18.100.3, and at no IPv6 address, which its ipFamilyPolicy or ipFamilies demand. No pool is the usual one for IPv6')])
  const named = await service('named', { ipFamilies: ['IPv4', 'IPv6'] })
  await soon(() => said(named)).toEqual(['False', 'NotDualStack', text('198.18.100.4')])
  // Once there is a pool of it each gets one, in the order of their age, as far as the quota goes.
  await pool('six', 6, 'fd00:100::/64')
  await soon(() => ['prefers', 'demands'].map(addressesOf)).toEqual([['198.18.100.2', 'fd00:100::2'], ['198.18.100.3', 'fd00:100::3']])
  await soon(async () => [await said(prefers), await said(demands)]).toEqual([['True', 'Ready', 'Answers at 198.18.100.2 and fd00:100::2.'], ['True', 'Ready', text('198.18.100.3 and fd00:100::3')]])
  await soon(() => said(named)).toEqual(['False', 'NotDualStack', text(`has ${quota} floating addresses, and may have ${quota}`)])
  await put(named, { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' })
  await soon(() => said(named)).toEqual(['True', 'Partly', text(`It has no address of the other family: The tenant has ${quota}`)])
  // One that wants no second any more gives it back, and goes on; who was refused gets it.
  host.removed.length = 0
  await put(prefers, { ipFamilyPolicy: 'SingleStack' })
  await soon(() => addressesOf('prefers')).toEqual(['198.18.100.2'])
  await soon(() => addressesOf('named')).toEqual(['198.18.100.4', 'fd00:100::2'])
  await soon(() => said(named)).toEqual(['True', 'Ready', text('fd00:100::2')])
  expect(host.removed).toEqual([])
})

it('one that names its addresses is given none, and told which family is missing', async () => {
  await inTransaction(server.db, (tx) => tx.service.deleteMany())
  await soon(() => server.db.floatingAddress.count()).toBe(0)
  const { uid: poolId } = await server.db.addressPool.findFirstOrThrow({ where: { family: 4 } })
  await inTransaction(server.db, (tx) => tx.floatingAddress.create({ data: { tenantId: ann.tenant.id, name: 'mine', address: '198.18.100.77', poolId, spec: floatingAddressSpec.parse({ address: '198.18.100.77' }) } }))
  const uid = await service('own', { ipFamilyPolicy: 'RequireDualStack', loadBalancerIP: '198.18.100.77' })
  await soon(() => said(uid)).toEqual(['False', 'NotDualStack', text('198.18.100.77, and at no IPv6 address, which its ipFamilyPolicy or ipFamilies demand. Name one of that family, too')])
})
