import { z } from 'zod'
import { parseWeight } from '@/domain/load-balancer/annotations'
import { compiledBalancer, type CompiledBalancer } from '@/domain/load-balancer/compiled'
import { backendPort, serverViews, type BackendService } from '@/domain/load-balancer/servers'
import { balancerUrls } from '@/domain/load-balancer/urls'
import { balancerSource, type BalancerDetail, type BalancerPhase, type BalancerView } from '@/domain/load-balancer/view'
import { serviceSpec } from '@/domain/service/spec'
import type { Condition } from '@/domain/shared/condition'
import type { Scope } from '@/server/auth/scope'
import { backendServices, podWeights, sourceMetadata, type LoadBalancerRow } from '@/server/store/balancer-views'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { toCondition, toMetadata } from '../object-metadata'
import { storedSubsets } from '../services/service-view'

type Backends = BalancerDetail['backends']
export type BalancerWithBackends = BalancerView & { backends: Backends }
/** What a host said of a balancer last, as the gateway stored it. */
const storedReport = z.object({ phase: z.string(), down: z.array(z.string()).default([]) })
type StoredReport = z.infer<typeof storedReport>

const reportOf = (row: Pick<LoadBalancerRow, 'report'>): StoredReport | null => storedReport.safeParse(row.report).data ?? null
export const compiledOf = (row: Pick<LoadBalancerRow, 'compiled'>): CompiledBalancer | null => compiledBalancer.safeParse(row.compiled).data ?? null
const answers = (report: StoredReport | null): report is StoredReport & { phase: 'Active' | 'Degraded' } => report?.phase === 'Active' || report?.phase === 'Degraded'

/** As its host said it last, once it runs there and has an address; what cannot be carried out has failed. */
function phaseOf(row: Pick<LoadBalancerRow, 'host' | 'leaving' | 'addresses'>, compiled: CompiledBalancer | null, report: StoredReport | null): BalancerPhase {
  if (!compiled) return 'Failed'
  if (!row.host || row.leaving || row.addresses.length === 0) return 'Pending'
  return answers(report) ? report.phase : report?.phase === 'Failed' ? 'Failed' : 'Pending'
}

/** Stored balancers as the API shows them, each with who is behind its backends. */
export async function toBalancerViews(db: Database, scope: Scope, rows: readonly LoadBalancerRow[]): Promise<BalancerWithBackends[]> {
  const models = rows.map((row) => ({ row, compiled: compiledOf(row) }))
  const services = await readServices(db, scope, models.flatMap(({ row, compiled }) => (compiled?.services ?? []).map(({ service }) => ({ namespace: row.namespace, name: service }))))
  const weights = await readWeights(db, scope, services)
  const conditions = await listConditions(db, rows.map((row) => row.uid))
  const metadata = await sourceMetadata(db, scope, rows.map((row) => row.sourceUid))
  return models.map(({ row, compiled }) => {
    const report = reportOf(row)
    const backends = (compiled?.services ?? []).map(({ backend, service, port }): Backends[number] => {
      const of = services.get(`${row.namespace}/${service}`)
      return { name: backend, service, port: backendPort(of, port)?.port ?? port, servers: serverViews({ backend, port }, of, weights, answers(report) ? report : null) }
    })
    return { ...viewOf({ ...row, ...metadata.get(row.sourceUid) }, compiled, backends, conditions.filter((one) => one.objectUid === row.uid).map(toCondition)), backends }
  })
}

type ShownRow = Omit<LoadBalancerRow, 'labels' | 'annotations'> & { labels: unknown; annotations: unknown }

function viewOf(row: ShownRow, compiled: CompiledBalancer | null, backends: Backends, conditions: Condition[]): BalancerView {
  const addresses = row.addresses.map(({ address }) => address)
  const servers = backends.flatMap((backend) => backend.servers)
  return {
    metadata: { ...toMetadata(row), namespace: row.namespace },
    source: balancerSource.parse(row.source),
    model: compiled?.model ?? null,
    status: {
      phase: phaseOf(row, compiled, reportOf(row)), network: row.network.name, addresses, urls: compiled ? balancerUrls(compiled.model, addresses) : [], host: row.host?.name ?? null,
      backendsReady: new Set(servers.flatMap(({ address, health }) => (health === 'down' ? [] : [address]))).size, backendsTotal: new Set(servers.map(({ address }) => address)).size,
      conditions,
    },
  }
}

async function readServices(db: Database, scope: Scope, names: { namespace: string; name: string }[]): Promise<Map<string, BackendService>> {
  const found = await backendServices(db, scope, names)
  return new Map([...found].map(([key, { spec, subsets }]) => [key, { ports: serviceSpec.parse(spec).ports, subsets: storedSubsets.parse(subsets ?? []) }]))
}

async function readWeights(db: Database, scope: Scope, services: ReadonlyMap<string, BackendService>): Promise<Map<string, number>> {
  const uids = [...services.values()].flatMap(({ subsets }) => subsets.flatMap((subset) => [...subset.addresses, ...subset.notReadyAddresses].flatMap(({ targetRef }) => (z.uuid().safeParse(targetRef?.uid).success ? (targetRef?.uid ?? []) : []))))
  const texts = await podWeights(db, scope, [...new Set(uids)])
  return new Map([...texts].flatMap(([uid, text]) => { const weight = parseWeight(text); return weight === null ? [] : [[uid, weight] as const] }))
}
