import { z } from 'zod'
import { parseWeight } from '@/domain/load-balancer/annotations'
import { compiledBalancer, type CompiledBalancer } from '@/domain/load-balancer/compiled'
import { backendPort, serverViews, type BackendService, type SeenServers } from '@/domain/load-balancer/servers'
import { balancerUrls, urlSource } from '@/domain/load-balancer/urls'
import { balancerSource, type BalancerDetail, type BalancerListItem, type BalancerPhase, type BalancerView } from '@/domain/load-balancer/view'
import { serviceSpec } from '@/domain/service/spec'
import type { Scope } from '@/server/auth/scope'
import { backendServices, podWeights, sourceMetadata, type ListedBalancer, type LoadBalancerRow } from '@/server/store/balancer-views'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { toCondition, toMetadata } from '../object-metadata'
import { storedSubsets } from '../services/service-view'

type Backends = BalancerDetail['backends']
/** What a host said of a balancer last, as the gateway stored it. */
const storedReport = z.object({ phase: z.string(), down: z.array(z.string()).default([]) })

export const compiledOf = (row: Pick<LoadBalancerRow, 'compiled'>): CompiledBalancer | null => compiledBalancer.safeParse(row.compiled).data ?? null
const answers = (said: string | undefined): said is 'Active' | 'Degraded' => said === 'Active' || said === 'Degraded'

/** As its host said it last, once it runs there and has an address; what cannot be carried out has failed. */
function phaseOf({ host, leaving, addresses }: Pick<ListedBalancer, 'host' | 'leaving' | 'addresses'>, isCompiled: boolean, said: string | undefined): BalancerPhase {
  if (!isCompiled) return 'Failed'
  if (!host || leaving || addresses.length === 0) return 'Pending'
  return answers(said) ? said : said === 'Failed' ? 'Failed' : 'Pending'
}

/** What a list and the page of one have alike. */
const placeOf = (row: Pick<ListedBalancer, 'network' | 'host' | 'addresses'>) => ({
  network: row.network.name, host: row.host?.name ?? null, addresses: row.addresses.map(({ address }) => address), managedAddresses: row.addresses.flatMap(({ address, managed }) => (managed ? [address] : [])),
})

/** Stored balancers as a list has them. */
export async function toListItems(db: Database, rows: readonly ListedBalancer[]): Promise<BalancerListItem[]> {
  const conditions = await listConditions(db, rows.map((row) => row.uid))
  return rows.map((row) => {
    const ports = z.array(urlSource).safeParse(row.ports).data ?? []
    const { annotations: _, ...metadata } = toMetadata({ ...row, annotations: {} })
    const place = placeOf(row)
    return {
      metadata: { ...metadata, namespace: row.namespace }, source: balancerSource.parse(row.source), ports: ports.map(({ port, protocol }) => ({ port, protocol })),
      status: {
        phase: phaseOf(row, row.isCompiled, row.said ?? undefined), ...place, urls: balancerUrls({ listeners: ports }, place.addresses), backendsReady: row.backendsReady, backendsTotal: row.backendsTotal,
        conditions: conditions.filter((one) => one.objectUid === row.uid).map(toCondition),
      },
    }
  })
}

/** A stored balancer as the API shows it, with who is behind its backends. */
export async function toBalancerView(db: Database, scope: Scope, row: LoadBalancerRow): Promise<BalancerView & { backends: Backends }> {
  const compiled = compiledOf(row)
  const report = storedReport.safeParse(row.report).data
  const backends = await readBackends(db, scope, row.namespace, compiled?.services ?? [], answers(report?.phase) ? (report ?? null) : null)
  const servers = backends.flatMap((backend) => backend.servers)
  const place = placeOf(row)
  return {
    metadata: { ...toMetadata({ ...row, ...(await sourceMetadata(db, scope, row.sourceUid)) }), namespace: row.namespace },
    source: balancerSource.parse(row.source),
    model: compiled?.model ?? null,
    status: {
      phase: phaseOf(row, compiled !== null, report?.phase), ...place, urls: compiled ? balancerUrls(compiled.model, place.addresses) : [],
      backendsReady: new Set(servers.flatMap(({ address, health }) => (health === 'down' ? [] : [address]))).size, backendsTotal: new Set(servers.map(({ address }) => address)).size,
      conditions: (await listConditions(db, [row.uid])).map(toCondition),
    },
    backends,
  }
}

async function readBackends(db: Database, scope: Scope, namespace: string, backends: CompiledBalancer['services'], seen: SeenServers): Promise<Backends> {
  const services = await readServices(db, scope, backends.map(({ service }) => ({ namespace, name: service })))
  const weights = await readWeights(db, scope, services)
  return backends.map(({ backend, service, port }) => {
    const of = services.get(`${namespace}/${service}`)
    return { name: backend, service, port: backendPort(of, port)?.port ?? port, servers: serverViews({ backend, port }, of, weights, seen) }
  })
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
