import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PodReport } from '@/contracts/host/v1'
import { networkSpec } from '@/domain/network/spec'
import { endpointSubsets, maxEndpoints } from '@/domain/service/endpoints'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { removePod } from '@/server/store/assignments'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { storeReport } from '@/server/store/reports'
import { podController } from '../pod/controller'
import { createEndpointsController } from './controller'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let hostId = ''
let networkId = ''
const bootId = randomUUID()
let sequence = 0
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  hostId = (await registerHost(server.db, 'h1', 'h1')).id
  await server.db.host.update({ where: { id: hostId }, data: { phase: 'Ready' } })
  networkId = (await server.db.network.create({ data: { tenantId: ann.tenant.id, name: 'n', spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/16' } } }) } })).uid
})
afterAll(() => server.stop())

const control = () => ({ db: server.db, log: server.server.log, feed: server.server.feed })
const controller = createEndpointsController()
const reconcile = (key: string) => controller.reconcile(control(), key)
const podChanged = (uid: string) => {
  const cursor = { epoch: '', xid: '', seq: '' }
  const [key = ''] = controller.keysOf({ cursor, kind: 'Pod', uid, tenantId: null, namespace: null, name: '', action: 'modified', oldLabels: null, newLabels: null })
  return reconcile(key)
}
const container = { name: 'a', image: 'busybox', ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] }
async function pod(name: string, labels: Record<string, string>) {
  const { uid } = await server.db.pod.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name, labels, networkId, hostId, spec: { containers: [container] } } })
  await podController.reconcile(control(), uid)
  return uid
}
const report = (uid: string, ready: boolean, phase: PodReport['phase'] = 'Running') =>
  inTransaction(server.db, (tx) => storeReport(tx, hostId, bootId, (sequence += 1), { uid, phase, observedGeneration: 1, reason: '', message: '', containers: [], startMode: null, startSteps: [], startedAt: null, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', reason: '', message: '', lastTransitionTime: new Date().toISOString() }] }))
async function service(name: string, spec: object) {
  const { uid } = await server.db.service.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name, networkId, spec: serviceSpec.parse({ ports: [{ port: 80, targetPort: 'http' }], ...spec }) } })
  await reconcile(uid)
  return uid
}
const endpoints = (name: string) => server.db.endpoints.findUnique({ where: { tenantId_namespace_name: { tenantId: ann.tenant.id, namespace: 'default', name } } })
async function listed(name: string) {
  const [subset] = endpointSubsets.parse((await endpoints(name))?.subsets)
  return [subset?.addresses ?? [], subset?.notReadyAddresses ?? []].map((list) => list.map(({ targetRef }) => targetRef?.name))
}

describe('the endpoints controller', () => {
  it('follows the pods: their readiness, labels, host and end', async () => {
    const uid = await pod('web-1', { app: 'web' })
    const other = await pod('web-2', { app: 'web', more: 'yes' })
    await pod('db', { app: 'db' })
    await service('web', { selector: { app: 'web' } })
    expect(await listed('web')).toEqual([[], ['web-1', 'web-2']])
    await report(uid, true)
    await report(other, true)
    await podChanged(uid)
    expect(await listed('web')).toEqual([['web-1', 'web-2'], []])
    const written = await endpoints('web')
    await podChanged(uid)
    expect((await endpoints('web'))?.revision).toBe(written?.revision)
    await report(uid, false)
    await podChanged(uid)
    expect(await listed('web')).toEqual([['web-2'], ['web-1']])
    await server.db.host.update({ where: { id: hostId }, data: { phase: 'Unknown' } })
    await reconcile(`host:${hostId}`)
    expect(await listed('web')).toEqual([[], ['web-1', 'web-2']])
    await server.db.host.update({ where: { id: hostId }, data: { phase: 'Ready' } })
    await reconcile(`host:${hostId}`)
    await server.db.pod.update({ where: { uid: other }, data: { labels: { app: 'other' } } })
    await podChanged(other)
    expect(await listed('web')).toEqual([[], ['web-1']])
    await report(uid, true, 'Failed')
    await podChanged(uid)
    expect((await endpoints('web'))?.subsets).toEqual([])
    await report(uid, true)
    await podChanged(uid)
    await inTransaction(server.db, (tx) => removePod(tx, uid))
    await podChanged(uid)
    expect((await endpoints('web'))?.subsets).toEqual([])
  })

  it('after a gap in the feed looks at services that have no selector any more, too', async () => {
    await pod('gap-1', { app: 'gap' })
    const named = await service('gap', { selector: { app: 'gap' } })
    const plain = (await server.db.service.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'gap-plain', networkId, spec: serviceSpec.parse({ ports: [{ port: 80 }] }) } })).uid
    await server.db.endpoints.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'gap-plain', subsets: [] } })
    await server.db.service.update({ where: { uid: named }, data: { spec: serviceSpec.parse({ type: 'ExternalName', externalName: 'example.com' }) } })
    const keys = await controller.allKeys(control())
    expect(keys).toEqual(expect.arrayContaining([named, plain]))
    for (const key of keys) await reconcile(key)
    expect(await endpoints('gap')).toBeNull()
    expect(await endpoints('gap-plain')).toMatchObject({ serviceUid: plain })
    expect(await controller.allKeys(control())).not.toEqual(expect.arrayContaining([named]))
    expect(await controller.allKeys(control())).not.toEqual(expect.arrayContaining([plain]))
  })

  it('works on one namespace’s pods for no other, reads them once for all services that select the same, and one service that cannot be read is in nobody’s way', async () => {
    const uid = await pod('alike-1', { app: 'alike' })
    const uids = [uid, await pod('alike-2', { app: 'alike' })]
    for (let i = 0; i < 60; i += 1) await service(`alike-${i}`, { selector: { app: 'alike' } })
    const cursor = { epoch: '', xid: '', seq: '' }
    const change = (podUid: string, namespace: string) => controller.keysOf({ cursor, kind: 'Pod', uid: podUid, tenantId: ann.tenant.id, namespace, name: '', action: 'modified', oldLabels: null, newLabels: null })
    expect(change(uid, 'default')).toEqual([`pods:${ann.tenant.id}/default`])
    expect(change(uid, 'other')).toEqual([`pods:${ann.tenant.id}/other`])
    await report(uid, false)
    let queries = 0
    const db = new Proxy(server.db, { get: (target, name) => { if (name === '$queryRaw') queries += 1; return Reflect.get(target, name) as unknown } })
    const key = change(uid, 'default')[0] ?? ''
    await controller.reconcile({ ...control(), db }, key)
    // The services of the pods, two parts of their rows, and the pods.
    expect(queries).toBe(4)
    await server.db.$executeRaw`update "Service" set "spec" = jsonb_set("spec", '{sessionAffinity}', '5') where "name" = 'alike-7'`
    for (const one of uids) await report(one, true)
    change(uid, 'default')
    await expect(controller.reconcile(control(), key)).rejects.toThrow()
    for (const name of ['alike-0', 'alike-8', 'alike-59']) expect((await listed(name))[0]).toEqual(['alike-1', 'alike-2'])
    // Of very many pods at once it is not asked which services they concern: those of the namespace are looked at.
    await report(uid, false)
    await server.db.service.deleteMany({ where: { name: 'alike-7' } })
    for (let i = 0; i < 17; i += 1) change(randomUUID(), 'default')
    await controller.reconcile(control(), key)
    expect(await listed('alike-0')).toEqual([['alike-2'], ['alike-1']])
    await server.db.service.deleteMany({ where: { name: { startsWith: 'alike-' } } })
  })

  it('leaves Endpoints alone that users wrote, and makes them go with their service', async () => {
    const subsets = [{ addresses: [{ ip: '192.0.2.1' }], notReadyAddresses: [], ports: [{ protocol: 'TCP', port: 80 }] }]
    await server.db.endpoints.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'outside', subsets } })
    const uid = await service('outside', {})
    expect(await endpoints('outside')).toMatchObject({ subsets, serviceUid: uid })
    await server.db.service.delete({ where: { uid } })
    expect(await endpoints('outside')).toBeNull()
  })

  it('says when a service selects more ready pods than it is balanced over', async () => {
    const count = maxEndpoints + 5
    await server.db.$executeRaw`insert into "Pod" ("uid", "tenantId", "namespace", "name", "labels", "networkId", "hostId", "spec") select gen_random_uuid(), ${ann.tenant.id}, 'default', 'many-' || n, '{"app": "many"}', ${networkId}::uuid, ${hostId}::uuid, ${JSON.stringify({ containers: [container] })}::jsonb from generate_series(1, ${count}) n`
    await server.db.$executeRaw`insert into "NetworkAddress" ("networkId", "address", "podUid", "mac") select "networkId", '10.9.100.0'::inet + row_number() over (), "uid", '02:' || substr(md5("uid"::text), 1, 14) from "Pod" where "labels" @> '{"app": "many"}'`
    await server.db.$executeRaw`insert into "PodReport" ("podUid", "hostId", "bootId", "sequence", "phase", "document") select "uid", "hostId", ${bootId}::uuid, 1, 'Running', '{"conditions": [{"type": "Ready", "status": "True"}]}' from "Pod" where "labels" @> '{"app": "many"}'`
    const uid = await service('many', { selector: { app: 'many' } })
    const told = () => server.db.objectCondition.findUnique({ where: { objectUid_type: { objectUid: uid, type: 'EndpointsComplete' } } })
    expect(await told()).toMatchObject({ objectKind: 'Service', status: 'False', reason: 'TooManyEndpoints', message: expect.stringContaining('5 of them get no connections') as string })
    await server.db.service.update({ where: { uid }, data: { spec: serviceSpec.parse({ selector: { app: 'none' }, ports: [{ port: 80 }] }) } })
    await reconcile(uid)
    expect(await told()).toMatchObject({ status: 'True' })
  })
})
