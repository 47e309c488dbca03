import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { networkPolicySpec } from '@/domain/network-policy/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { namespaceController } from '../namespace/controller'
import { networkController } from './controller'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
})
afterAll(() => server.stop())

const control = () => ({ db: server.db, log: server.server.log, feed: server.server.feed })
const reconcile = (uid: string) => networkController.reconcile(control(), uid)
const network = async (tenantId: string, name: string, subnets: object) => (await server.db.network.create({ data: { tenantId, name, spec: networkSpec.parse({ subnets }) } })).uid
const service = async (networkId: string, name: string, spec: object) => (await server.db.service.create({ data: { tenantId: ann.tenant.id, namespace: 'shop', name, networkId, spec: serviceSpec.parse({ ports: [{ port: 80 }], ...spec }) } })).uid
const condition = (objectUid: string, type: string) => server.db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type } } })
const addresses = async (uid: string) => (await server.db.serviceAddress.findMany({ where: { serviceUid: uid }, orderBy: { address: 'asc' } })).map(({ address }) => address)
/** The changes of a kind since the test began, as `name action`. */
const changes = async (kind: string, uid: string) => (await server.db.$queryRaw<unknown[]>`select 1 from "Change" where "kind" = ${kind} and "objectUid" = ${uid}::uuid`).length

describe('the network controller', () => {
  it('says whether a network is ready, once', async () => {
    const uid = await network(ann.tenant.id, 'ready', { a: { cidr: '10.1.0.0/24' } })
    await reconcile(uid)
    expect(await condition(uid, 'Ready')).toMatchObject({ objectKind: 'Network', status: 'True' })
    const before = await changes('Network', uid)
    await reconcile(uid)
    expect(await changes('Network', uid)).toBe(before)
  })

  it('gives services the addresses that they lack, or says why not', async () => {
    const uid = await network(ann.tenant.id, 'lacking', { a: { cidr: '10.1.0.0/24' } })
    const both = await service(uid, 'both', { ipFamilyPolicy: 'PreferDualStack' })
    const taken = await service(uid, 'taken', { clusterIP: '10.96.0.1' })
    const headless = await service(uid, 'headless', { clusterIP: 'None' })
    await server.db.serviceAddress.create({ data: { networkId: uid, serviceUid: both, address: '10.96.0.1' } })
    await reconcile(uid)
    expect([await addresses(both), await addresses(taken), await addresses(headless)]).toEqual([['10.96.0.1'], [], []])
    expect(await condition(taken, 'AddressAllocated')).toMatchObject({ status: 'False', reason: 'AddressTaken', message: expect.stringContaining('held by service "both"') as string })
    expect(await server.db.event.count({ where: { objectUid: taken } })).toBe(1)
    await server.db.network.update({ where: { uid }, data: { spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' }, b: { cidr: 'fd01::/64' } } }) } })
    await server.db.service.update({ where: { uid: taken }, data: { generation: 2, spec: serviceSpec.parse({ ports: [{ port: 80 }] }) } })
    await reconcile(uid)
    expect([await addresses(both), await addresses(taken)]).toEqual([['10.96.0.1', 'fd96::1'], ['10.96.0.2']])
    expect(await condition(taken, 'AddressAllocated')).toMatchObject({ status: 'True', reason: 'Allocated' })
    expect(await condition(both, 'AddressAllocated')).toBeNull()
  })

  it('says of peerings whether they are active, and each change of them is one of both networks that agree', async () => {
    await network(ann.tenant.id, 'second', { a: { cidr: '10.2.0.0/24' } })
    const [mine, theirs] = [await network(ann.tenant.id, 'mine', { a: { cidr: '10.1.0.0/24' } }), await network(bob.tenant.id, 'theirs', { a: { cidr: '10.2.0.0/16' } })]
    const peering = async (tenantId: string, name: string, networkId: string, peerTenantId: string, peerNetwork: string) => (await server.db.networkPeering.create({ data: { tenantId, name, networkId, peerTenantId, peerNetwork, spec: { network: 'x', peer: { network: peerNetwork } } } })).uid
    const out = await peering(ann.tenant.id, 'out', mine, bob.tenant.id, 'theirs')
    await reconcile(mine)
    expect(await condition(out, 'Active')).toMatchObject({ objectKind: 'NetworkPeering', status: 'False', reason: 'NotAgreed' })
    // A word that nobody answered is no change of the other tenant's network.
    expect([await changes('Network', theirs), await changes('NetworkPeers', theirs)]).toEqual([1, 0])
    const back = await peering(bob.tenant.id, 'back', theirs, ann.tenant.id, 'mine')
    const before = await changes('NetworkPeers', mine)
    await reconcile(theirs)
    expect([(await condition(out, 'Active'))?.status, (await condition(back, 'Active'))?.status]).toEqual(['True', 'True'])
    expect(await changes('NetworkPeers', mine)).toBeGreaterThan(before)
    const own = await peering(ann.tenant.id, 'own', mine, ann.tenant.id, 'second')
    await reconcile(mine)
    expect([(await condition(out, 'Active'))?.reason, (await condition(own, 'Active'))?.reason]).toEqual(['PeersOverlap', 'Agreed'])
    await server.db.networkPeering.delete({ where: { uid: back } })
    await reconcile(mine)
    expect([(await condition(out, 'Active'))?.reason, (await condition(own, 'Active'))?.reason]).toEqual(['NotAgreed', 'Agreed'])
  })
})

it('a deleted namespace takes services, endpoints and policies with it, and gives their addresses back', async () => {
  const uid = await network(ann.tenant.id, 'gone', { a: { cidr: '10.1.0.0/24' } })
  await server.db.namespace.create({ data: { tenantId: ann.tenant.id, name: 'shop', spec: { network: 'gone' }, deletedAt: new Date() } })
  await service(uid, 'web', {})
  await reconcile(uid)
  expect(await server.db.serviceAddress.count({ where: { networkId: uid } })).toBe(1)
  await server.db.endpoints.create({ data: { tenantId: ann.tenant.id, namespace: 'shop', name: 'written', subsets: [] } })
  await server.db.networkPolicy.create({ data: { tenantId: ann.tenant.id, namespace: 'shop', name: 'np', spec: networkPolicySpec.parse({ podSelector: {} }) } })
  await namespaceController.reconcile(control(), 'all')
  const where = { tenantId: ann.tenant.id, namespace: 'shop' }
  expect([await server.db.service.count({ where }), await server.db.endpoints.count({ where }), await server.db.networkPolicy.count({ where }), await server.db.serviceAddress.count({ where: { networkId: uid } }), await server.db.namespace.count({ where: { name: 'shop' } })]).toEqual([0, 0, 0, 0, 0])
})
