import { afterAll, beforeAll, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { startTestServer } from '@/server/api/testing/server'
import { listNetworkHosts } from './network-hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
})
afterAll(() => server.stop())

it('what a network says of itself concerns the hosts of its peers, and what happens in it only its own', async () => {
  const network = async (tenantId: string, name: string, cidr: string) => (await server.db.network.create({ data: { tenantId, name, spec: networkSpec.parse({ subnets: { a: { cidr } } }) } })).uid
  const [mine, theirs] = [await network(ann.tenant.id, 'mine', '10.1.0.0/24'), await network(bob.tenant.id, 'theirs', '10.2.0.0/24')]
  await server.db.networkPeering.create({ data: { tenantId: ann.tenant.id, name: 'out', networkId: mine, peerTenantId: bob.tenant.id, peerNetwork: 'theirs', spec: { network: 'mine', peer: { tenant: 'bob', network: 'theirs' } } } })
  const host = await server.db.host.create({ data: { name: 'h1', publicKey: 'none', phase: 'Ready' } })
  const pod = await server.db.pod.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'web', networkId: mine, hostId: host.id, spec: {} } })
  await server.db.podAssignment.create({ data: { podUid: pod.uid, hostId: host.id, document: {} } })
  const nothing = { networks: [], addresses: [], pods: [], services: [], tenants: [] }
  const told = [{ hostId: host.id, networkId: mine }]
  expect(await listNetworkHosts(server.db, { ...nothing, networks: [theirs] })).toEqual(told)
  expect(await listNetworkHosts(server.db, { ...nothing, addresses: [theirs] })).toEqual([])
  expect(await listNetworkHosts(server.db, { ...nothing, addresses: [mine] })).toEqual(told)
})
