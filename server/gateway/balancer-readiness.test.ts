import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PodReport } from '@/contracts/host/v1'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { networkSpec } from '@/domain/network/spec'
import { podSpec } from '@/domain/pod/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { createEndpointsController } from '@/server/control/controllers/endpoints/controller'
import { createExternalControllers } from '@/server/control/controllers/external/controller'
import { podController } from '@/server/control/controllers/pod/controller'
import { inTransaction } from '@/server/store/database'
import { HostSessions } from './host-sessions'
import { connectExternalHost } from './testing/external-host'
import { startControllers } from './testing/running-controllers'

const balancers = 100
const tries = 9

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let stop = async () => {}
const sessions = new HostSessions()
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  stop = await startControllers(server, sessions, [podController, createEndpointsController(), ...createExternalControllers({ defaultQuota: 1000 })])
})
afterAll(async () => {
  await stop()
  await server.stop()
})

it('what a pod reports of its readiness is on its way to its balancers, and alone, however many others a host has', { timeout: 120_000 }, async () => {
  const { db } = server
  const tenantId = ann.tenant.id
  await db.addressPool.create({ data: { name: 'default', family: 4, isDefault: true, spec: addressPoolSpec.parse({ subnet: { cidr: '198.18.0.0/16' }, default: true }) } })
  const { uid: networkId } = await db.network.create({ data: { tenantId, name: 'n', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/16' } } }) } })
  await db.namespace.create({ data: { tenantId, name: 'shop', spec: { network: 'n' } } })
  const host = await connectExternalHost(server, sessions, 'h1')
  await host.begin()
  const spec = (app: string) => serviceSpec.parse({ type: 'LoadBalancer', selector: { app }, ports: [{ port: 80, targetPort: 8080 }] })
  await inTransaction(db, (tx) => tx.service.createMany({ data: Array.from({ length: balancers }, (_, i) => ({ tenantId, namespace: 'shop', name: `s${i}`, networkId, spec: spec(`a${i}`) })) }))
  await expect.poll(() => host.balancers().length, { timeout: 60_000, interval: 50 }).toBe(balancers)
  // With one host that could, it may answer forever.
  expect(new Set(host.balancers().map(({ until }) => until))).toEqual(new Set([null]))

  await expect.poll(() => db.objectCondition.count({ where: { objectKind: 'Service', type: 'LoadBalancer', status: 'True' } }), { timeout: 60_000, interval: 50 }).toBe(balancers)
  expect(host.failure()).toBeNull()
  await inTransaction(db, (tx) => tx.service.create({ data: { tenantId, namespace: 'shop', name: 'mine', networkId, spec: spec('mine') } }))
  await expect.poll(() => host.balancers().some(({ name }) => name === 'mine'), { timeout: 30_000, interval: 5 }).toBe(true)
  const { uid } = await inTransaction(db, (tx) => tx.pod.create({ data: { tenantId, namespace: 'shop', name: 'mine', labels: { app: 'mine' }, networkId, hostId: host.hostId, spec: podSpec.parse({ containers: [{ name: 'a', image: 'busybox' }] }) } }))
  await expect.poll(() => db.networkAddress.count({ where: { podUid: uid } }), { timeout: 30_000 }).toBe(1)
  const servers = () => host.servers('tcp-80').length
  const sizes: number[] = []
  for (let i = 0; i < tries; i += 1) {
    const isReady = i % 2 === 0
    const report: PodReport = { uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', containers: [], startMode: null, startSteps: [], startedAt: null, conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', reason: '', message: '', lastTransitionTime: new Date().toISOString() }] }
    await host.report(report)
    await expect.poll(servers, { timeout: 30_000, interval: 5 }).toBe(isReady ? 1 : 0)
    sizes.push(host.lastSize())
  }
  // Of what changed, and of nothing else.
  expect(Math.max(...sizes)).toBe(1)
})
