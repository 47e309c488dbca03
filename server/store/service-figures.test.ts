import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ServiceFigures } from '@/contracts/host/v1/figures'
import { startTestServer } from '@/server/api/testing/server'
import { resolveScope } from '@/server/auth/authenticate'
import type { Scope } from '@/server/auth/scope'
import { podFigures } from '@/server/services/figures/pod-figures'
import { serviceFigures } from '@/server/services/figures/service-figures'
import { trafficOf } from '@/server/services/figures/traffic'
import { pruneFigures, rollFigures, storeFigures } from './figures'
import { registerHost } from './hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let scope: Scope
let foreign: Scope
let hosts: string[]
let uid: string
const t0 = Date.parse('2026-03-01T00:00:00Z')
const at = (seconds: number) => new Date(t0 + seconds * 1000)
const passed = (over: Partial<ServiceFigures> = {}): ServiceFigures => ({ serviceUid: uid, ageMs: 0, intervalMs: 10_000, receivedBytes: 1000, sentBytes: 20_000, connections: 5, ...over })
const send = (host: number, second: number, services: ServiceFigures[]) => storeFigures(server.db, hosts[host]!, { host: null, pods: [], services }, at(second))
const read = (second: number, range: '1h' | '24h' | '30d' = '1h', who = scope) => serviceFigures(server.context(null), who, { namespace: 'default', name: 'web', range }, at(second))

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  const bob = await server.signUp('bob')
  scope = (await resolveScope(server.db, ann.actor, ann.tenant.slug))!
  foreign = (await resolveScope(server.db, bob.actor, bob.tenant.slug))!
  hosts = [(await registerHost(server.db, 'h1', 'key1')).id, (await registerHost(server.db, 'h2', 'key2')).id, (await registerHost(server.db, 'h3', 'key3')).id]
  for (const [i, name] of ['web', 'other'].entries()) {
    await ann.caller.pod.create({ tenant: ann.tenant.slug, name, spec: { containers: [{ name: 'a', image: 'busybox' }] } })
    await server.db.pod.update({ where: { tenantId_namespace_name: { tenantId: ann.tenant.id, namespace: 'default', name } }, data: { hostId: hosts[i]!, boundAt: new Date() } })
  }
  const network = await server.db.network.findUniqueOrThrow({ where: { tenantId_name: { tenantId: ann.tenant.id, name: 'default' } } })
  uid = (await server.db.service.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'web', networkId: network.uid, spec: { ports: [{ port: 80 }] } } })).uid
})
afterAll(() => server.stop())

it('what passes through a service is kept of hosts that have a pod of its network, and told to its tenant as the sum of them', async () => {
  expect(await read(0)).toMatchObject({ times: [], totals: { connections: 0 } })
  expect(await send(0, 10, [passed(), passed({ serviceUid: randomUUID() })])).toBe(1)
  expect(await send(0, 10, [passed()]), 'told twice').toBe(0)
  expect(await send(1, 13, [passed({ connections: 1 })])).toBe(1)
  expect(await send(2, 10, [passed()]), 'a host without a pod there').toBe(0)
  expect(await read(20)).toMatchObject({ times: [at(10).toISOString()], connectionsPerSecond: [0.6], receivedBytesPerSecond: [200], sentBytesPerSecond: [4000], totals: { connections: 6, receivedBytes: 2000, sentBytes: 40_000 } })
  await expect(read(20, '1h', foreign)).rejects.toThrow('web')
  await expect(ann.caller.figures.service({ tenant: ann.tenant.slug, name: 'nothing' })).rejects.toThrow('nothing')
})

it('a pod of the same name has its own', async () => {
  const pod = await server.db.pod.findUniqueOrThrow({ where: { tenantId_namespace_name: { tenantId: ann.tenant.id, namespace: 'default', name: 'web' } } })
  const view = await podFigures(server.context(null), scope, { namespace: 'default', name: 'web', range: '1h' }, at(20))
  expect(view.times).toEqual([])
  expect(await storeFigures(server.db, hosts[0]!, { host: null, pods: [], services: [passed({ serviceUid: pod.uid })] }, at(20)), 'a pod is no service').toBe(0)
})

it('what pods and services received and sent is summed over a range', async () => {
  const pod = await server.db.pod.findUniqueOrThrow({ where: { tenantId_namespace_name: { tenantId: ann.tenant.id, namespace: 'default', name: 'web' } } })
  const usage = { cpuMicroseconds: null, memoryBytes: null, readBytes: null, writtenBytes: null, receivedBytes: 50_000, sentBytes: 70, diskUsedBytes: null }
  await storeFigures(server.db, hosts[0]!, { host: null, pods: [{ podUid: pod.uid, ageMs: 0, intervalMs: 10_000, vm: usage, containers: [{ name: 'a', ...usage }] }] }, at(20))
  const view = await trafficOf(server.context(null), scope, { range: '1h' }, at(20))
  expect(view).toMatchObject({ total: 2, items: [{ kind: 'Pod', name: 'web', receivedBytes: 50_000, sentBytes: 70, connections: null }, { kind: 'Service', name: 'web', receivedBytes: 2000, sentBytes: 40_000, connections: 6 }] })
  expect(await trafficOf(server.context(null), foreign, { range: '1h' }, at(20))).toMatchObject({ total: 0, items: [] })
  expect(await trafficOf(server.context(null), scope, { range: '1h' }, at(4000))).toMatchObject({ total: 0 })
})

it('is rolled up and removed as all figures are', async () => {
  for (let end = 60; end <= 7200; end += 60) await send(0, end, Array.from({ length: 6 }, (_, i) => passed({ ageMs: (5 - i) * 10_000 })))
  await rollFigures(server.db, at(7500))
  const day = await read(7500, '24h')
  expect(day.connectionsPerSecond.at(-1)).toBe(0.5)
  expect(day.totals.connections).toBe(1 + 720 * 5)
  for (let i = 0; i < 12; i += 1) { await rollFigures(server.db, at(41 * 86_400)); await pruneFigures(server.db, at(41 * 86_400)) }
  expect(await server.db.figure.count()).toBe(0)
  expect(await server.db.figureSeries.count()).toBe(0)
})
