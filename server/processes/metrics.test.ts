import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { register } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Usage } from '@/contracts/host/v1/figures'
import { observeHttp } from '@/platform/metrics'
import { startTestServer } from '@/server/api/testing/server'
import { countReport } from '@/server/gateway/count-report'
import { HostSessions } from '@/server/gateway/host-sessions'
import { storeFigures } from '@/server/store/figures'
import { registerHost } from '@/server/store/hosts'
import { startWaterfall } from '@/domain/pod/waterfall'
import { serveHealth } from './health'

let test: Awaited<ReturnType<typeof startTestServer>>
let http: Server
let url = ''
let token = ''

beforeAll(async () => {
  // What tests of other files counted in this process.
  register.resetMetrics()
  test = await startTestServer()
  http = createServer((request, response) => {
    observeHttp(request, response)
    if (!serveHealth(test.server, new HostSessions(), request, response, () => ({ streams: 3, sockets: 4 }))) response.writeHead(404).end()
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`

  const ann = await test.signUp('ann')
  const operator = await test.signUp('operator')
  await test.db.user.update({ where: { id: operator.actor.userId }, data: { operator: true } })
  token = operator.token
  const host = (await registerHost(test.db, 'h1', 'key1')).id
  await ann.caller.pod.create({ tenant: ann.tenant.slug, name: 'web', spec: { containers: [{ name: 'a', image: 'busybox' }] } })
  const { uid } = await test.db.pod.update({ where: { tenantId_namespace_name: { tenantId: ann.tenant.id, namespace: 'default', name: 'web' } }, data: { hostId: host } })
  const usage: Usage = { cpuMicroseconds: 5_000_000, memoryBytes: 4096, readBytes: 10_000, writtenBytes: 0, receivedBytes: 20_000, sentBytes: 0, diskUsedBytes: 512 }
  await storeFigures(test.db, host, { host: { ...usage, ageMs: 0, intervalMs: 10_000 }, pods: [{ podUid: uid, ageMs: 0, intervalMs: 10_000, vm: usage, containers: [] }] })
  const waterfall = startWaterfall({ createdAt: 0, boundAt: 100, steps: [], startedAt: 700, toldAt: 800 })
  countReport(2, 1, [{ mode: 'template', first: true, waterfall }, { mode: 'cold', first: false, waterfall }])
})
afterAll(async () => {
  http.close()
  http.closeAllConnections()
  await test.stop()
})

const scrape = async (authorization?: string) => {
  const response = await fetch(`${url}/metrics`, authorization ? { headers: { authorization } } : {})
  return { status: response.status, text: await response.text() }
}

describe('/metrics', () => {
  it('does not exist for nobody, for people who are no operators, and with a token that is wrong or revoked', async () => {
    const bob = await test.signUp('bob')
    for (const authorization of [undefined, `Bearer ${bob.token}`, 'Bearer hyp_wrong', 'Bearer ', `Basic ${Buffer.from(`x:${token}`).toString('base64')}`]) expect(await scrape(authorization)).toEqual({ status: 404, text: 'not found\n' })
    const short = await test.signUp('short')
    await test.db.user.update({ where: { id: short.actor.userId }, data: { operator: true } })
    expect((await scrape(`Bearer ${short.token}`)).status).toBe(200)
    await test.db.apiToken.updateMany({ where: { userId: short.actor.userId }, data: { revokedAt: new Date() } })
    expect((await scrape(`Bearer ${short.token}`)).status).toBe(404)
  })

  it('is read with an operator’s cookie by the console’s own pages and by scripts, and by no other site', async () => {
    const { userId } = await test.actorOf(token) ?? {}
    const cookie = await test.cookieOf(userId ?? '')
    const read = async (headers: Record<string, string>) => (await fetch(`${url}/metrics`, { headers: { cookie, ...headers } })).status
    const [ours, others]: Record<string, string>[][] = [[{}, { origin: test.server.config.publicUrl }, { 'sec-fetch-site': 'none' }], [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]]
    for (const headers of ours ?? []) expect(await read(headers)).toBe(200)
    for (const headers of others ?? []) expect(await read(headers)).toBe(404)
  })

  it('tells of the platform and of what pods, tenants and hosts use', async () => {
    const { status, text } = await scrape(`Bearer ${token}`)
    expect(status).toBe(200)
    const lines = text.split('\n')
    for (const line of [
      'hypernetes_pods{state="Unknown"} 1', 'hypernetes_hosts{phase="Unknown"} 1', 'hypernetes_tenant_pods{tenant="ann"} 1', 'hypernetes_pod_figures_left_out 0', 'hypernetes_open_streams 3', 'hypernetes_open_sockets 4',
      'hypernetes_pod_cpu_cores{tenant="ann",namespace="default",pod="web",host="h1"} 0.5', 'hypernetes_pod_memory_bytes{tenant="ann",namespace="default",pod="web",host="h1"} 4096',
      'hypernetes_pod_disk_bytes_per_second{tenant="ann",namespace="default",pod="web",host="h1"} 1000', 'hypernetes_tenant_network_bytes_per_second{tenant="ann"} 2000', 'hypernetes_host_cpu_cores{host="h1"} 0.5', 'hypernetes_host_disk_used_bytes{host="h1"} 512',
      'hypernetes_pod_start_seconds_count{mode="template"} 1', 'hypernetes_pod_start_seconds_sum{mode="template"} 0.7', 'hypernetes_pod_restart_seconds_count{mode="cold"} 1', 'hypernetes_pod_start_part_seconds_sum{part="queued"} 0.1', 'hypernetes_pod_start_part_seconds_sum{part="scheduled"} 0.6',
      'hypernetes_pod_scheduling_seconds_count 1', 'hypernetes_host_reports_total 1', 'hypernetes_pod_reports_total{stored="no"} 1',
    ]) expect(lines).toContain(line)
    expect(text).toMatch(/hypernetes_procedure_seconds_count\{procedure="pod.create",outcome="ok"\} 1/)
    expect(text).toMatch(/hypernetes_http_request_seconds_count\{route="metrics",code="4xx"\} \d/)
    expect(text).toMatch(/hypernetes_database_connections [1-9]/)
    // A name that is told twice is refused by Prometheus.
    const types = lines.filter((line) => line.startsWith('# TYPE '))
    expect(new Set(types.map((line) => line.split(' ')[2])).size).toBe(types.length)
  })

  it('has every metric that the dashboard asks for', async () => {
    const { text } = await scrape(`Bearer ${token}`)
    const exported = new Set([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) => (type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name])))
    const panel = z.object({ targets: z.array(z.object({ expr: z.string() })).default([]) })
    const dashboard = z.object({ panels: z.array(panel) }).parse(JSON.parse(readFileSync(fileURLToPath(new URL('../../docs/dashboards/hypernetes.json', import.meta.url)), 'utf8')))
    const queries = dashboard.panels.flatMap((each) => each.targets.map((target) => target.expr))
    expect(queries.length).toBeGreaterThan(30)
    for (const query of queries) {
      const names = query.match(/\b(hypernetes|process|nodejs)_[a-z0-9_]+/g) ?? []
      expect(names.length, query).toBeGreaterThan(0)
      for (const name of names) expect([...exported], query).toContain(name)
    }
  })
})
