import { afterAll, beforeAll, expect, it } from 'vitest'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { floatingAddressSpec } from '@/domain/floating-address/spec'
import { compileService } from '@/domain/load-balancer/compile'
import { networkSpec } from '@/domain/network/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { inTransaction } from '@/server/store/database'
import { HostSessions } from './host-sessions'
import { connectExternalHost } from './testing/external-host'
import { wakeHostsOnChanges } from './wake-hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let stopWaking = () => {}
const sessions = new HostSessions()
beforeAll(async () => {
  server = await startTestServer()
  stopWaking = wakeHostsOnChanges(server.server.feed, sessions, server.db)
})
afterAll(async () => {
  stopWaking()
  await server.stop()
})

it('a balancer with more servers than its host is told says so, as does its service, until it has no more than that', async () => {
  const { db } = server
  const { tenant, caller } = await server.signUp('ann')
  const host = await connectExternalHost(server, sessions, 'h1')
  const networkId = (await db.network.create({ data: { tenantId: tenant.id, name: 'outside', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/16' } } }) } })).uid
  await db.namespace.create({ data: { tenantId: tenant.id, name: 'shop', spec: { network: 'outside' } } })
  const spec = serviceSpec.parse({ type: 'LoadBalancer', ports: [{ port: 80 }] })
  const compiled = compileService({ name: 'web', spec, annotations: {}, certificates: new Map() })
  if (!('compiled' in compiled)) throw new Error('not compiled')
  const addresses = Array.from({ length: 2001 }, (_, i) => ({ ip: `10.1.${8 + (i >> 8)}.${i & 255}` }))
  const subsets = (few: boolean) => [{ addresses: few ? addresses.slice(1) : addresses, ports: [{ port: 80 }] }]
  const service = await db.service.create({ data: { tenantId: tenant.id, namespace: 'shop', name: 'web', networkId, spec } })
  await db.endpoints.create({ data: { tenantId: tenant.id, namespace: 'shop', name: 'web', subsets: subsets(false) } })
  const balancer = await db.loadBalancer.create({ data: { tenantId: tenant.id, namespace: 'shop', name: 'web', source: 'Service', sourceUid: service.uid, networkId, hostId: host.hostId, compiled: compiled.compiled } })
  await db.networkAddress.create({ data: { networkId, loadBalancerUid: balancer.uid, address: '10.1.0.2', mac: '02:00:00:00:00:01' } })
  const pool = await db.addressPool.create({ data: { name: 'p', family: 4, spec: addressPoolSpec.parse({ subnet: { cidr: '198.18.100.0/24' } }) } })
  await db.floatingAddress.create({ data: { tenantId: tenant.id, name: 'f', address: '198.18.100.9', poolId: pool.uid, spec: floatingAddressSpec.parse({}), loadBalancerUid: balancer.uid, hostId: host.hostId } })
  const said = (uid: string) => db.objectCondition.findUnique({ where: { objectUid_type: { objectUid: uid, type: 'ServersComplete' } }, select: { status: true, reason: true, message: true } })
  const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 20 })

  await host.begin()
  await soon(() => said(service.uid)).toMatchObject({ status: 'False', reason: 'TooManyServers', message: expect.stringContaining('2,000 servers of a backend') as string })
  expect([...host.has.values()].flatMap((object) => (object.kind === 'backendServers' ? [object.servers.length] : []))).toEqual([2000])
  const { status } = await caller.loadBalancer.get({ tenant: tenant.slug, namespace: 'shop', source: 'Service', name: 'web' })
  expect(status.conditions).toEqual([expect.objectContaining({ type: 'ServersComplete', status: 'False' })])
  await inTransaction(db, (tx) => tx.endpoints.updateMany({ where: { tenantId: tenant.id }, data: { subsets: subsets(true) } }))
  for (const uid of [service.uid, balancer.uid]) await soon(() => said(uid)).toMatchObject({ status: 'True', reason: 'AllCarriedOut' })
  host.close()
})
