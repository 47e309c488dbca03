import { Gauge, Registry } from 'prom-client'
import { countHostPhases, countPodStates, countTenantPods, databaseFacts } from '@/server/store/metrics'
import { topFleetPods, topHosts, type TopRow } from '@/server/store/figures-top'
import type { ServerContext } from '../context'
import { addBalancerMetrics } from './export-balancers'
import { addVolumeMetrics } from './export-volumes'

/** Beyond it, those that use the most memory are told; `hypernetes_pod_figures_left_out` says how many are not. */
const mostPods = 1000
const mostTenants = 1000
const mostHosts = 1000

const measures: [name: string, help: string, value: (row: TopRow) => number | null][] = [
  ['cpu_cores', 'Processors in use, overhead included', (row) => (row.cpuMilli === null ? null : row.cpuMilli / 1000)],
  ['memory_bytes', 'Memory in use, overhead included', (row) => row.memoryBytes],
  ['disk_bytes_per_second', 'Read from and written to disks a second', (row) => row.diskBytesPerSecond],
  ['disk_used_bytes', 'What is taken on the disk', (row) => row.diskUsedBytes],
  ['network_bytes_per_second', 'Received and sent a second', (row) => row.networkBytesPerSecond],
]

/** Metrics that the database holds, as of now: made anew for each scrape, so that what is gone leaves no label behind. In Prometheus' text format. */
export async function exportMetrics(ctx: Pick<ServerContext, 'db'>): Promise<string> {
  const registry = new Registry()
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) => new Gauge({ name: `hypernetes_${name}`, help, labelNames, registers: [registry] })
  const began = performance.now()
  const facts = await databaseFacts(ctx.db)
  gauge('database_answer_seconds', 'How long the database took to answer one question.').set((performance.now() - began) / 1000)
  gauge('database_bytes', 'Size of the database.').set(facts.bytes)
  gauge('database_connections', 'Connections to the database, of all processes.').set(facts.connections)
  gauge('change_feed_rows', "Rows of the change feed, by the database's own estimate.").set(facts.feedRows)

  const [states, phases, tenants] = await Promise.all([countPodStates(ctx.db), countHostPhases(ctx.db), countTenantPods(ctx.db, mostTenants)])
  const pods = gauge('pods', 'Pods by state.', ['state'])
  for (const { label, count } of states) pods.set({ state: label }, count)
  const hosts = gauge('hosts', 'Hosts by phase.', ['phase'])
  for (const { label, count } of phases) hosts.set({ phase: label }, count)
  const tenantPods = gauge('tenant_pods', 'Pods of a tenant.', ['tenant'])
  for (const { label, count } of tenants) tenantPods.set({ tenant: label }, count)

  const all = { sort: 'memory', descending: true, offset: 0 } as const
  const [podRows, hostRows] = await Promise.all([topFleetPods(ctx.db, { ...all, limit: mostPods }), topHosts(ctx.db, { ...all, limit: mostHosts })])
  gauge('pod_figures_left_out', 'Pods whose figures are not among these, for there are too many.').set(podRows.total - podRows.rows.length)
  for (const [name, help, value] of measures) {
    const ofPod = gauge(`pod_${name}`, `${help}, by a pod's machine.`, ['tenant', 'namespace', 'pod', 'host'])
    const ofTenant = gauge(`tenant_${name}`, `${help}, by the pods of a tenant that are told of.`, ['tenant'])
    const ofHost = gauge(`host_${name}`, `${help}, by a host.`, ['host'])
    for (const row of podRows.rows) {
      const now = value(row)
      if (now === null) continue
      ofPod.set({ tenant: row.tenant, namespace: row.namespace, pod: row.name, host: row.host }, now)
      ofTenant.inc({ tenant: row.tenant }, now)
    }
    for (const row of hostRows.rows) if (value(row) !== null) ofHost.set({ host: row.name }, value(row) ?? 0)
  }
  await addBalancerMetrics(ctx.db, registry)
  await addVolumeMetrics(ctx.db, registry)
  return registry.metrics()
}
