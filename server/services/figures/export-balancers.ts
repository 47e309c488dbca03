import { Gauge, type Registry } from 'prom-client'
import { latencyAt } from '@/domain/figures/balancer'
import type { Database } from '@/server/store/database'
import { balancersNow, type BalancerNow } from '@/server/store/figures-traffic'

/** Of each kind; beyond it, those with most requests are told. */
const most = { whole: 1000, rule: 5000, backend: 5000 } as const
const wholeLabels = ['tenant', 'namespace', 'balancer', 'source', 'host'] as const

const measures: [name: string, help: string, value: (row: BalancerNow) => number | null][] = [
  ['requests_per_second', 'Requests a second.', (row) => row.requests],
  ['client_errors_per_second', 'Answers of 400 to 499 a second.', (row) => row.errors4xx],
  ['server_errors_per_second', 'Answers of 500 to 599 a second.', (row) => row.errors5xx],
  ['failed_per_second', 'Connections and requests without an answer a second.', (row) => row.failed],
  ['connections_per_second', 'New connections a second.', (row) => row.connections],
  ['open_connections', 'Connections that are open.', (row) => row.active],
  ['received_bytes_per_second', 'Bytes from clients a second.', (row) => row.receivedBytes],
  ['sent_bytes_per_second', 'Bytes to clients a second.', (row) => row.sentBytes],
]

/** What passes through balancers now, and through each of their rules and backends: names of their own, so that a sum over balancers counts nothing twice. */
export async function addBalancerMetrics(db: Database, registry: Registry): Promise<void> {
  for (const of of ['whole', 'rule', 'backend'] as const) addMetrics(registry, of, await balancersNow(db, of, most[of]))
}

function addMetrics(registry: Registry, of: keyof typeof most, rows: readonly BalancerNow[]): void {
  const prefix = of === 'whole' ? 'hypernetes_balancer' : `hypernetes_balancer_${of}`
  const labelNames = of === 'whole' ? [...wholeLabels] : [...wholeLabels, of]
  const labelsOf = ({ tenant, namespace, name, source, host, part }: BalancerNow) => ({ tenant, namespace, balancer: name, source, host, ...(of !== 'whole' && { [of]: part }) })
  for (const [name, help, value] of measures) {
    // A rule has no connections: it is looked for once a request is there.
    if (of === 'rule' && (name === 'connections_per_second' || name === 'failed_per_second')) continue
    const gauge = new Gauge({ name: `${prefix}_${name}`, help, labelNames, registers: [registry] })
    for (const row of rows) if (value(row) !== null) gauge.set(labelsOf(row), value(row) ?? 0)
  }
  const latency = new Gauge({ name: `${prefix}_latency_seconds`, help: 'Below which so large a part of the requests took, from classes.', labelNames: [...labelNames, 'quantile'], registers: [registry] })
  for (const row of rows) {
    for (const quantile of [0.5, 0.95, 0.99]) {
      const found = latencyAt(row.latency?.map(Number) ?? null, quantile)
      if (found !== null) latency.set({ ...labelsOf(row), quantile: String(quantile) }, found / 1000)
    }
  }
}
