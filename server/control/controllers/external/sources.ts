import { createHash } from 'node:crypto'
import { floatingAddressOf, readIngressAnnotations, readServiceAnnotations } from '@/domain/load-balancer/annotations'
import type { KnownCertificate } from '@/domain/load-balancer/certificates'
import { compileService, type Compiled } from '@/domain/load-balancer/compile'
import { compileIngress } from '@/domain/load-balancer/compile-ingress'
import type { CompiledBalancer } from '@/domain/load-balancer/compiled'
import type { ServiceSpec } from '@/domain/service/spec'
import { compiledDigest } from '@/server/store/balancer-models'
import { listOutsideSources, listServiceDigests, readNamedServices, readOutsideSources, type OutsideIngress, type OutsideService, type OutsideSource } from '@/server/store/balancer-sources'
import { BoundedCache } from '@/server/store/bounded-cache'
import { knownCertificatesIn } from '@/server/store/certificates'
import type { Database } from '@/server/store/database'
import { inParts } from './parts'
import type { WorldSource } from './world'

/** What a source names, and what it compiles to; `from`: a digest of all that this was found out from. */
type Known = Pick<WorldSource, 'named' | 'ips' | 'family' | 'both' | 'compiled' | 'problem' | 'warning'> & { digest: string; secrets: string[]; services: string[]; from: string }
type Names = Pick<Known, 'secrets' | 'services'> & { namespace: string }
type Source = OutsideService | OutsideIngress
type Surroundings = { services: ReadonlyMap<string, string>; certificates: ReadonlyMap<string, ReadonlyMap<string, KnownCertificate>> }
/** What a source is to do, as it is now. */
export type CompiledSource = { source: OutsideSource; compiled: CompiledBalancer | null }

/** What was found out of sources before, by all that it was found out from. It only saves time. In bytes, about. */
export class SourceCache extends BoundedCache<Known> {
  constructor(maxBytes = 64 << 20) {
    super(maxBytes)
  }
}

/** So many sources are read and compiled at once: one may be 256 KiB. */
const partSize = 25

/**
 * Reads what a tenant wants on the outside for one turn. Of what tenants write, digests are read; the text itself only where the digest is not known, a few at a time, and it is not
 * kept: neither the database nor this process handles more than what changed.
 */
export class SourceReader {
  /** What was found out in this turn, for the cache may forget it before the turn's end. */
  private readonly own = new Map<string, Known>()

  constructor(private readonly cache: SourceCache) {}

  /** All sources, or the uids of those that have to be compiled first (`compile`), where they are too many to do it here. */
  async read(db: Database, tenantId: string): Promise<{ sources: WorldSource[] } | { stale: string[] }> {
    const rows = await listOutsideSources(db, tenantId)
    const known = new Map(rows.flatMap((row) => {
      const found = this.of(row)
      return found ? [[row.uid, { ...found, namespace: row.namespace }] as const] : []
    }))
    const around = await readSurroundings(db, tenantId, [...known.values()])
    const stale = rows.filter(({ uid }) => {
      const found = known.get(uid)
      return !found || found.from !== fromOf(found, found.digest, around)
    })
    if (stale.length > partSize) return { stale: stale.map(({ uid }) => uid) }
    if (stale.length > 0) await this.compile(db, tenantId, stale.map(({ uid }) => uid))
    return { sources: rows.flatMap((row) => {
      const found = this.of(row)
      if (!found) return []
      const { uid, kind, namespace, name, generation, networkId } = row
      const { named, ips, family, both, compiled, problem, warning } = found
      return [{ kind, uid, namespace, name, generation, networkId, named, ips, family, both, compiled, problem, warning }]
    }) }
  }

  /** Compiles some sources as they are now, by uid. Those that are there no more are left out. */
  async compile(db: Database, tenantId: string, uids: readonly string[]): Promise<Map<string, CompiledSource>> {
    const sources = await readOutsideSources(db, tenantId, uids)
    const names = new Map(sources.map((source) => [source.uid, namesOf(source)]))
    const around = await readSurroundings(db, tenantId, [...names.values()])
    const specs = await readNamedServices(db, tenantId, [...names.values()].flatMap(({ namespace, services }) => services.map((name) => ({ namespace, name }))))
    return new Map(sources.map((source) => {
      const named = names.get(source.uid) ?? namesOf(source)
      const result = compileSource(source, named, specs, around)
      this.keep(source.uid, { ...factsOf(source), ...resultOf(result), secrets: named.secrets, services: named.services, digest: source.digest, from: fromOf(named, source.digest, around) })
      return [source.uid, { source, compiled: 'problems' in result ? null : result.compiled }]
    }))
  }

  /** The same of many, for what `read` calls stale, each part as it is at one time. */
  async compileAll(tenantId: string, uids: readonly string[], inSnapshot: (work: (db: Database) => Promise<unknown>) => Promise<unknown>): Promise<void> {
    for (const part of inParts(uids, partSize)) await inSnapshot((db) => this.compile(db, tenantId, part))
  }

  private of({ uid, digest }: OutsideSource): Known | undefined {
    const found = this.own.get(uid) ?? this.cache.get(uid)
    return found?.digest === digest ? found : undefined
  }

  private keep(uid: string, known: Known): void {
    this.own.set(uid, known)
    this.cache.set(uid, known, 2 * JSON.stringify(known).length + 400)
  }
}

async function readSurroundings(db: Database, tenantId: string, names: readonly Names[]): Promise<Surroundings> {
  const wanted = new Map<string, Set<string>>()
  for (const { namespace, secrets } of names) for (const secret of secrets) wanted.set(namespace, (wanted.get(namespace) ?? new Set()).add(secret))
  const namespaces = new Set(names.flatMap(({ namespace, services }) => (services.length > 0 ? [namespace] : [])))
  return { services: await listServiceDigests(db, tenantId, [...namespaces]), certificates: await knownCertificatesIn(db, tenantId, wanted) }
}

const fromOf = ({ namespace, secrets, services }: Names, digest: string, around: Surroundings): string =>
  createHash('sha256').update(JSON.stringify([digest, services.map((name) => around.services.get(`${namespace}/${name}`) ?? null), secrets.map((name) => around.certificates.get(namespace)?.get(name) ?? null)])).digest('base64')

/** The certificates that a source names (of annotations that cannot be read, none), and the services that an ingress names. */
function namesOf(source: Source): Names {
  const { namespace } = source
  if (source.kind === 'Service') return { namespace, secrets: readServiceAnnotations(source.annotations).values.certificates ?? [], services: [] }
  const { tls, defaultBackend, rules } = source.spec
  const backends = [...(defaultBackend ? [defaultBackend] : []), ...rules.flatMap(({ http }) => http?.paths.map(({ backend }) => backend) ?? [])]
  return { namespace, secrets: tls.map(({ secretName }) => secretName), services: [...new Set(backends.map(({ service }) => service.name))] }
}

function factsOf(source: Source): Pick<Known, 'named' | 'ips' | 'family' | 'both'> {
  const { problems } = source.kind === 'Service' ? readServiceAnnotations(source.annotations) : readIngressAnnotations(source.annotations)
  const ips = source.kind === 'Service' ? [...new Set([...(source.spec.loadBalancerIP === undefined ? [] : [source.spec.loadBalancerIP]), ...source.spec.externalIPs])] : []
  return { named: problems.length > 0 ? null : floatingAddressOf(source.annotations), ips, family: (source.kind === 'Service' ? source.spec.ipFamilies?.[0] : undefined) ?? null, both: source.kind === 'Service' ? bothOf(source.spec) : null }
}

/** As of its addresses in its network (domain/service/families.ts): two families without a policy are both demanded. */
function bothOf({ ipFamilies, ipFamilyPolicy }: ServiceSpec): Known['both'] {
  if (ipFamilyPolicy === 'PreferDualStack') return 'preferred'
  return ipFamilyPolicy === 'RequireDualStack' || (ipFamilyPolicy === undefined && ipFamilies?.length === 2) ? 'required' : null
}

function compileSource(source: Source, { services }: Names, specs: ReadonlyMap<string, ServiceSpec>, around: Surroundings): Compiled {
  const { name, namespace, annotations } = source
  const certificates = around.certificates.get(namespace) ?? new Map<string, KnownCertificate>()
  if (source.kind === 'Service') return compileService({ name, spec: source.spec, annotations, certificates })
  const named = new Map(services.flatMap((service) => {
    const spec = specs.get(`${namespace}/${service}`)
    return spec ? [[service, spec] as const] : []
  }))
  return compileIngress({ name, spec: source.spec, annotations, services: named, certificates })
}

const maxProblems = 5
const listed = (problems: readonly { path: string; message: string }[]): string => problems.slice(0, maxProblems).map(({ path, message }) => `${path} ${message}.`).join(' ') + (problems.length > maxProblems ? ` And ${problems.length - maxProblems} more.` : '')

const resultOf = (result: Compiled): Pick<Known, 'compiled' | 'problem' | 'warning'> =>
  'problems' in result ? { compiled: null, problem: listed(result.problems), warning: '' } : { compiled: compiledDigest(result.compiled), problem: '', warning: listed(result.warnings) }
