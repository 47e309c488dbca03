import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { BalancerFigures } from '@/contracts/host/v1/figures'
import { latencyAt } from '@/domain/figures/balancer'
import { networkSpec } from '@/domain/network/spec'
import { startTestServer } from '@/server/api/testing/server'
import { resolveScope } from '@/server/auth/authenticate'
import type { Scope } from '@/server/auth/scope'
import { balancerFigures } from '@/server/services/figures/balancer-figures'
import { exportMetrics } from '@/server/services/figures/export-metrics'
import { rollFigures, storeFigures } from './figures'
import { registerHost } from './hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let scope: Scope
let foreign: Scope
let hosts: string[]
let uid: string
const t0 = Date.parse('2026-03-01T00:00:00Z')
const at = (seconds: number) => new Date(t0 + seconds * 1000)
const passed = (over: Partial<BalancerFigures> = {}): BalancerFigures => ({ balancerUid: uid, part: '', ageMs: 0, intervalMs: 10_000, connections: 5, requests: 100, errors4xx: 10, errors5xx: 1, failed: 2, receivedBytes: 1000, sentBytes: 20_000, latency: [0, 0, 50, 50, 0, 0, 0, 0, 0], activeConnections: 4, ...over })
const send = (host: number, second: number, balancers: BalancerFigures[]) => storeFigures(server.db, hosts[host] ?? '', { host: null, pods: [], balancers }, at(second))
const read = (second: number, over: { range?: '1h' | '24h'; part?: string } = {}, who = scope) => balancerFigures(server.context(null), who, { source: 'Service', namespace: 'shop', name: 'web', range: '1h', part: '', ...over }, at(second))

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  const bob = await server.signUp('bob')
  const scopeOf = async (who: typeof ann) => {
    const found = await resolveScope(server.db, who.actor, who.tenant.slug)
    if (!found) throw new Error('no scope')
    return found
  }
  scope = await scopeOf(ann)
  foreign = await scopeOf(bob)
  hosts = [(await registerHost(server.db, 'h1', 'key1')).id, (await registerHost(server.db, 'h2', 'key2')).id]
  const { uid: networkId } = await server.db.network.create({ data: { tenantId: ann.tenant.id, name: 'n', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })
  uid = (await server.db.loadBalancer.create({ data: { tenantId: ann.tenant.id, namespace: 'shop', name: 'web', source: 'Service', sourceUid: randomUUID(), networkId, hostId: hosts[0] ?? '' } })).uid
})
afterAll(() => server.stop())

it('what passes through a balancer is kept of the host that runs it, a series a part, and told to its tenant', async () => {
  expect(await read(0)).toMatchObject({ times: [], totals: { requests: 0 } })
  expect(await send(0, 10, [passed(), passed({ part: 'rule/r1', requests: 30, latency: null }), passed({ balancerUid: randomUUID() })])).toBe(2)
  expect(await send(1, 10, [passed()]), 'a host that does not run it').toBe(0)
  expect(await read(20)).toMatchObject({
    times: [at(10).toISOString()], requestsPerSecond: [10], errors4xxPerSecond: [1], errors5xxPerSecond: [0.1], failedPerSecond: [0.2], connectionsPerSecond: [0.5], receivedBytesPerSecond: [100], sentBytesPerSecond: [2000], activeConnections: [4],
    latencyMilliseconds: { p50: [10], p95: [28], p99: [29.6] }, totals: { requests: 100, errors4xx: 10, errors5xx: 1, failed: 2 },
  })
  expect(await read(20, { part: 'rule/r1' })).toMatchObject({ requestsPerSecond: [3], latencyMilliseconds: { p50: [null] } })
  await expect(read(20, {}, foreign)).rejects.toThrow('web')
  await expect(ann.caller.figures.balancer({ tenant: ann.tenant.slug, source: 'Ingress', name: 'nothing' })).rejects.toThrow('nothing')
})

it('is the same rolled: counts of latencies are added class by class, open connections are a mean', async () => {
  await server.db.loadBalancer.update({ where: { uid }, data: { hostId: hosts[1] ?? '' } })
  expect(await send(1, 25, [passed({ requests: 20, latency: [20, 0, 0, 0, 0, 0, 0, 0, 0], activeConnections: 0 })])).toBe(1)
  while ((await rollFigures(server.db, at(3600))) > 0);
  expect(await read(3600, { range: '24h' })).toMatchObject({ times: [at(0).toISOString()], totals: { requests: 120 }, activeConnections: [4], latencyMilliseconds: { p50: [expect.any(Number) as number] } })
  expect((await read(3600, { range: '24h' })).latencyMilliseconds.p50[0]).toBeCloseTo(8.6, 5)
})

it('stays after the balancer, and is told to Prometheus while it runs', async () => {
  expect(await storeFigures(server.db, hosts[1] ?? '', { host: null, pods: [], balancers: [passed(), passed({ part: 'rule/r1', requests: 30 }), passed({ part: 'backend/tcp-80', requests: 70 })] })).toBe(3)
  const metrics = await exportMetrics(server.context(null))
  expect(metrics).toContain(`hypernetes_balancer_requests_per_second{tenant="${ann.tenant.slug}",namespace="shop",balancer="web",source="Service",host="h2"} 10`)
  expect(metrics).toContain('hypernetes_balancer_latency_seconds{')
  const of = `tenant="${ann.tenant.slug}",namespace="shop",balancer="web",source="Service",host="h2"`
  for (const line of [`hypernetes_balancer_rule_requests_per_second{${of},rule="r1"} 3`, `hypernetes_balancer_rule_latency_seconds{${of},rule="r1",quantile="0.5"}`, `hypernetes_balancer_backend_requests_per_second{${of},backend="tcp-80"} 7`, `hypernetes_balancer_backend_received_bytes_per_second{${of},backend="tcp-80"}`, `hypernetes_balancer_backend_latency_seconds{${of},backend="tcp-80",quantile="0.99"}`]) expect(metrics).toContain(line)
  expect(metrics.match(/^hypernetes_balancer_requests_per_second\{/gm)).toHaveLength(1)
  await server.db.loadBalancer.delete({ where: { uid } })
  expect(await read(40)).toMatchObject({ totals: { requests: 220 } })
  await expect(read(40, {}, foreign)).rejects.toThrow('web')
})

it('a part of the requests lies within its class', () => {
  expect([latencyAt(null, 0.5), latencyAt([0, 0, 0, 0, 0, 0, 0, 0, 0], 0.5), latencyAt([10, 0, 0, 0, 0, 0, 0, 0, 0], 0.5), latencyAt([0, 0, 0, 0, 0, 0, 0, 0, 3], 0.99), latencyAt([99, 0, 0, 0, 0, 0, 0, 1, 0], 0.99)]).toEqual([null, null, 0.5, 3000, 1])
})
