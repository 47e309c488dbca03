import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { compileService } from '@/domain/load-balancer/compile'
import { weightAnnotation } from '@/domain/load-balancer/annotations'
import { networkSpec } from '@/domain/network/spec'
import { podSpec } from '@/domain/pod/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { CompiledCache } from './balancer-models'
import { readHostBackends, readHostExternal } from './external-state'
import { registerHost } from './hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

it('takes of endpoints that a tenant wrote no other tenant’s pods for its own: neither their weights nor that they are there', async () => {
  const { db } = server
  const hostId = (await registerHost(db, 'h1', 'key')).id
  const weighed = async (name: string) => {
    const { tenant } = await server.signUp(name)
    const networkId = (await db.network.create({ data: { tenantId: tenant.id, name: 'outside', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })).uid
    await db.namespace.create({ data: { tenantId: tenant.id, name: 'shop', spec: { network: 'outside' } } })
    const pod = await db.pod.create({ data: { tenantId: tenant.id, namespace: 'shop', name: 'web', annotations: { [weightAnnotation]: '7' }, networkId, spec: podSpec.parse({ containers: [{ name: 'a', image: 'busybox' }] }) } })
    return { tenantId: tenant.id, networkId, pod: pod.uid }
  }
  const [ann, bob] = [await weighed('ann'), await weighed('bob')]
  const own = async ({ tenantId, networkId }: typeof ann, pods: string[]) => {
    const spec = serviceSpec.parse({ type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80 }] })
    const compiled = compileService({ name: 'web', spec, annotations: {}, certificates: new Map() })
    if (!('compiled' in compiled)) throw new Error('not compiled')
    const service = await db.service.create({ data: { tenantId, namespace: 'shop', name: 'web', networkId, spec } })
    await db.endpoints.create({ data: { tenantId, namespace: 'shop', name: 'web', subsets: [{ addresses: pods.map((uid, i) => ({ ip: `10.1.0.${i + 10}`, targetRef: { kind: 'Pod', name: 'web', uid } })), ports: [{ port: 80 }] }] } })
    const { uid } = await db.loadBalancer.create({ data: { tenantId, namespace: 'shop', name: 'web', source: 'Service', sourceUid: service.uid, networkId, hostId, compiled: compiled.compiled } })
    await db.networkAddress.create({ data: { networkId, loadBalancerUid: uid, address: '10.1.0.2', mac: '02:00:00:00:00:01' } })
    return uid
  }
  const uids = [await own(ann, [ann.pod, bob.pod, randomUUID(), 'no uid']), await own(bob, [bob.pod])]
  const { services, weights } = await readHostBackends(db, hostId, new CompiledCache(), uids)
  expect(services.get(`${ann.tenantId}/shop/web`)?.subsets[0]?.addresses.map(({ targetRef }) => targetRef?.uid)).toEqual([ann.pod, undefined, undefined, 'no uid'])
  expect(services.get(`${bob.tenantId}/shop/web`)?.subsets[0]?.addresses.map(({ targetRef }) => targetRef?.uid)).toEqual([bob.pod])
  expect(weights).toEqual(new Map([[ann.pod, 7], [bob.pod, 7]]))
  // A pod of another host is not reached from here.
  await db.pod.update({ where: { uid: ann.pod }, data: { hostId: (await registerHost(db, 'h2', 'other key')).id } })
  await db.pod.update({ where: { uid: bob.pod }, data: { hostId } })
  const after = await readHostBackends(db, hostId, new CompiledCache(), uids)
  expect(after.services.get(`${ann.tenantId}/shop/web`)?.subsets[0]?.addresses.map(({ targetRef }) => targetRef?.uid)).toEqual([undefined, undefined, 'no uid'])
  expect(after.services.get(`${bob.tenantId}/shop/web`)?.subsets[0]?.addresses.map(({ targetRef }) => targetRef?.uid)).toEqual([bob.pod])
})

it('says with an address of IPv6 which pod it is routed to, by what that has in its network, and with one of IPv4 what it is translated to', async () => {
  const { db } = server
  const hostId = (await registerHost(db, 'h3', 'third key')).id
  const { tenant } = await server.signUp('eve')
  const networkId = (await db.network.create({ data: { tenantId: tenant.id, name: 'own', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' }, b: { cidr: 'fd00:1::/64' } } }) } })).uid
  const pool = await db.addressPool.create({ data: { name: 'six', family: 6, spec: addressPoolSpec.parse({ subnet: { cidr: '2001:db8:9::/64' } }) } })
  const podWith = async (name: string, ...addresses: string[]) => {
    const { uid } = await db.pod.create({ data: { tenantId: tenant.id, namespace: 'default', name, networkId, hostId, spec: podSpec.parse({ containers: [{ name: 'a', image: 'busybox' }] }) } })
    for (const address of addresses) await db.networkAddress.create({ data: { networkId, podUid: uid, address, mac: `02:00:00:00:00:0${name.length}` } })
    return uid
  }
  const give = (name: string, podUid: string, address: string) => db.floatingAddress.create({ data: { tenantId: tenant.id, name, address, poolId: pool.uid, spec: {}, podUid, hostId } })
  const [both, four, none] = [await podWith('both', '10.1.0.5', 'fd00:1::5'), await podWith('plain', '10.1.0.6'), await podWith('waits')]
  for (const [name, podUid, address] of [['a', both, '2001:db8:9::a'], ['b', four, '2001:db8:9::b'], ['c', none, '2001:db8:9::c'], ['d', both, '198.18.9.4']] as const) await give(name, podUid, address)
  const { state } = await readHostExternal(db, hostId, new CompiledCache())
  expect(Object.fromEntries(state.floating.map(({ address, podAddress }) => [address, podAddress]))).toEqual({ '2001:db8:9::a': 'fd00:1::5', '2001:db8:9::b': '10.1.0.6', '198.18.9.4': '10.1.0.5' })
})
