import { readIngressAnnotations, readServiceAnnotations } from '@/domain/load-balancer/annotations'
import type { KnownCertificate } from '@/domain/load-balancer/certificates'
import { compileService, type Compiled } from '@/domain/load-balancer/compile'
import { compileIngress } from '@/domain/load-balancer/compile-ingress'
import type { CompiledBalancer } from '@/domain/load-balancer/compiled'
import { knownCertificates } from '@/server/store/certificates'
import type { Database } from '@/server/store/database'
import { listBalancers, listExternalHosts, listHeldAddresses, listNamedServices, listOutsideSources, listTargetedPods, namedAddress, type CompiledCache, type HostFacts, type OutsideIngress, type OutsideService } from '@/server/store/load-balancers'
import type { World, WorldSource } from './world'

/** What was compiled of a source before, by all that it was compiled from. It only saves time. */
export class ExternalCache {
  readonly stored: CompiledCache = new Map()
  private readonly sources = new Map<string, { from: string; result: Compiled }>()

  compiled(uid: string, from: string, compile: () => Compiled): Compiled {
    const known = this.sources.get(uid)
    if (known?.from === from) return known.result
    const result = compile()
    this.sources.set(uid, { from, result })
    return result
  }

  /** Forgets what is there no longer, so that it does not grow without end. */
  clearBeyond(most: number): void {
    if (this.sources.size > most) this.sources.clear()
    if (this.stored.size > most) this.stored.clear()
  }
}

type Source = OutsideService | OutsideIngress
type Services = Awaited<ReturnType<typeof listNamedServices>>

/** The certificates that a source names; of annotations that cannot be read, none. */
const secretsOf = (source: Source): string[] => (source.kind === 'Service' ? (readServiceAnnotations(source.annotations).values.certificates ?? []) : source.spec.tls.map(({ secretName }) => secretName))
const servicesOf = (source: Source): string[] => (source.kind === 'Service' ? [] : [...new Set([...(source.spec.defaultBackend ? [source.spec.defaultBackend] : []), ...source.spec.rules.flatMap(({ http }) => http?.paths.map(({ backend }) => backend) ?? [])].map(({ service }) => service.name))])

/** All that a tenant has on the outside. `lost`: which of the hosts may answer for nothing any more. */
export async function readWorld(db: Database, tenantId: string, cache: ExternalCache, lost: (hosts: readonly HostFacts[]) => ReadonlySet<string>, refusals: ReadonlyMap<string, string> = new Map()): Promise<World> {
  const sources = await listOutsideSources(db, tenantId)
  const certificates = await certificatesOf(db, tenantId, sources)
  const services = await listNamedServices(db, tenantId, sources.flatMap((source) => servicesOf(source).map((name) => ({ namespace: source.namespace, name }))))
  const compiled = sources.map((source) => worldSource(source, compile(source, services, certificates.get(source.namespace) ?? new Map(), cache)))
  const bySource = new Map(compiled.map((source) => [source.uid, source]))
  const balancers = await listBalancers(db, tenantId, cache.stored)
  const hosts = await listExternalHosts(db, tenantId)
  const gone = lost(hosts)
  return {
    sources: compiled,
    addresses: await listHeldAddresses(db, tenantId),
    balancers: balancers.map(({ compiled: stored, ...balancer }) => ({ ...balancer, same: isSame(stored, bySource.get(balancer.sourceUid)?.compiled ?? null), refusal: refusals.get(balancer.uid) ?? '' })),
    pods: await listTargetedPods(db, tenantId),
    hosts: hosts.map(({ id, name, phase, capable, cordoned, balancers: count, networks }) => ({ id, name, ready: phase === 'Ready', capable, cordoned, lost: gone.has(id), balancers: count, networks: new Set(networks) })),
  }
}

async function certificatesOf(db: Database, tenantId: string, sources: readonly Source[]): Promise<Map<string, Map<string, KnownCertificate>>> {
  const wanted = new Map<string, Set<string>>()
  for (const source of sources) for (const secret of secretsOf(source)) wanted.set(source.namespace, (wanted.get(source.namespace) ?? new Set()).add(secret))
  const found = new Map<string, Map<string, KnownCertificate>>()
  for (const [namespace, names] of wanted) found.set(namespace, await knownCertificates(db, tenantId, namespace, [...names]))
  return found
}

function compile(source: Source, services: Services, certificates: ReadonlyMap<string, KnownCertificate>, cache: ExternalCache): Compiled {
  const named = servicesOf(source).map((name) => [name, services.get(`${source.namespace}/${name}`)] as const)
  const from = JSON.stringify([source.text, named.map(([, one]) => one?.text ?? null), secretsOf(source).map((name) => certificates.get(name) ?? null)])
  const { name, annotations } = source
  return cache.compiled(source.uid, from, () => {
    if (source.kind === 'Service') return compileService({ name, spec: source.spec, annotations, certificates })
    const specs = new Map(named.flatMap(([service, one]) => (one ? [[service, one.spec] as const] : [])))
    return compileIngress({ name, spec: source.spec, annotations, services: specs, certificates })
  })
}

const maxProblems = 5
const listed = (problems: readonly { path: string; message: string }[]): string => problems.slice(0, maxProblems).map(({ path, message }) => `${path} ${message}.`).join(' ') + (problems.length > maxProblems ? ` And ${problems.length - maxProblems} more.` : '')

function worldSource(source: Source, result: Compiled): WorldSource {
  const { kind, uid, namespace, name, generation, networkId } = source
  const readable = source.kind === 'Service' ? readServiceAnnotations(source.annotations).problems : readIngressAnnotations(source.annotations).problems
  const ips = source.kind === 'Service' ? [...new Set([...(source.spec.loadBalancerIP === undefined ? [] : [source.spec.loadBalancerIP]), ...source.spec.externalIPs])] : []
  const said = 'problems' in result ? { compiled: null, problem: listed(result.problems), warning: '' } : { compiled: result.compiled, problem: '', warning: listed(result.warnings) }
  return { kind, uid, namespace, name, generation, networkId, named: readable.length > 0 ? null : namedAddress(source.annotations), ips, ...said }
}

/** Both were read by the same schema, which writes the fields in its own order. */
const isSame = (a: CompiledBalancer | null, b: CompiledBalancer | null): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)
