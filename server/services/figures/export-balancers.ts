import { Gauge, type Registry } from 'prom-client'
import { latencyAt } from '@/domain/figures/balancer'
import type { Database } from '@/server/store/database'
import { balancersNow, type BalancerNow } from '@/server/store/figures-traffic'

/** Beyond it, those with most requests are told. */
const mostBalancers = 1000
const labelNames = ['tenant', 'namespace', 'balancer', 'source', 'host'] as const

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

/** What passes through balancers now. */
export async function addBalancerMetrics(db: Database, registry: Registry): Promise<void> {
  const rows = await balancersNow(db, mostBalancers)
  const labelsOf = ({ tenant, namespace, name, source, host }: BalancerNow) => ({ tenant, namespace, balancer: name, source, host })
  for (const [name, help, value] of measures) {
    const gauge = new Gauge({ name: `hypernetes_balancer_${name}`, help, labelNames, registers: [registry] })
    for (const row of rows) if (value(row) !== null) gauge.set(labelsOf(row), value(row) ?? 0)
  }
  const latency = new Gauge({ name: 'hypernetes_balancer_latency_seconds', help: 'Below which so large a part of the requests took, from classes.', labelNames: [...labelNames, 'quantile'], registers: [registry] })
  for (const row of rows) {
    for (const quantile of [0.5, 0.95, 0.99]) {
      const found = latencyAt(row.latency?.map(Number) ?? null, quantile)
      if (found !== null) latency.set({ ...labelsOf(row), quantile: String(quantile) }, found / 1000)
    }
  }
}
