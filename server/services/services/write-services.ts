import { z } from 'zod'
import { check, problemCollector } from '@/domain/manifest/check'
import type { ServiceManifest } from '@/domain/manifest/parse'
import { serviceBalancerProblems } from '@/domain/load-balancer/check'
import { hasServiceAddresses, serviceFamilies } from '@/domain/service/families'
import { isHeadless, serviceSpec, type ServiceSpec } from '@/domain/service/spec'
import { serviceView, type ServiceView } from '@/domain/service/view'
import { DomainError, notFound } from '@/domain/shared/errors'
import { familyOf } from '@/domain/shared/ip'
import { annotations, labels } from '@/domain/shared/names'
import { formatPath } from '@/domain/manifest/source'
import type { Scope } from '@/server/auth/scope'
import { allocateServiceAddresses } from '@/server/store/addresses'
import { ownFloatingAddresses } from '@/server/store/balancer-views'
import { inTransaction, type Database, type Transaction } from '@/server/store/database'
import { adoptEndpoints, deleteEndpoints, findEndpoints } from '@/server/store/endpoints'
import { readNetworkSpec } from '@/server/store/networks'
import { recordAudit } from '@/server/store/records'
import { deleteService, findService, insertService, updateService, type ServiceRow } from '@/server/store/services'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { refuseBalancer } from '../load-balancers/refuse-balancer'
import { holdNetworkOfNamespace } from '../namespaces/network-of-namespace'
import { admitOneMore, checkRevision, holdTenant, nameTaken, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { serviceReference } from './read-services'
import { toServiceViews } from './service-view'

export const createServiceInput = serviceReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: serviceSpec, requestId })
/** What is left out stays; `spec` comes as a whole, and may leave out the address. With `resourceVersion` only the service that was read is changed. */
export const updateServiceInput = serviceReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: serviceSpec.optional(), resourceVersion })

/** Creates a service with its address. */
export function createService(ctx: ServerContext, scope: Scope, input: z.output<typeof createServiceInput>): Promise<ServiceView> {
  const { namespace, name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'service.create', input, output: serviceView }, async () => {
    await holdTenant(tx, scope)
    await insertManifest(tx, scope, { kind: 'Service', metadata: { namespace, name, labels, annotations }, spec })
    return viewOf(tx, scope, namespace, name)
  }), { repeatable: true })
}

export function updateServiceObject(ctx: ServerContext, scope: Scope, input: z.output<typeof updateServiceInput>): Promise<ServiceView> {
  const { namespace, name } = input
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findService(tx, scope, namespace, name)
    if (!row) throw notFound('Service', name)
    checkRevision('Service', row, input.resourceVersion)
    const before = toMetadata(row)
    await change(tx, scope, row, { labels: input.labels ?? before.labels, annotations: input.annotations ?? before.annotations, spec: input.spec ?? serviceSpec.parse(row.spec) })
    return viewOf(tx, scope, namespace, name)
  }, { repeatable: true })
}

/** Creates or changes a service as a manifest says it. The tenant is held. */
export async function applyService(tx: Transaction, scope: Scope, manifest: ServiceManifest): Promise<Applied> {
  const { metadata: { namespace, name, labels, annotations }, spec } = manifest
  const existing = await findService(tx, scope, namespace, name)
  if (existing) return (await change(tx, scope, existing, { labels, annotations, spec })) ? 'configured' : 'unchanged'
  await insertManifest(tx, scope, manifest)
  return 'created'
}

async function insertManifest(tx: Transaction, scope: Scope, { metadata, spec }: ServiceManifest): Promise<void> {
  const { namespace, name, labels, annotations } = metadata
  await refuseOutside(tx, scope, { name, annotations, spec }, null)
  const network = await holdNetworkOfNamespace(tx, scope, namespace, 'service')
  await admitOneMore(tx, scope, 'Service')
  if (await findService(tx, scope, namespace, name)) throw nameTaken('service', name, namespace)
  const endpoints = await findEndpoints(tx, scope, namespace, name)
  if (endpoints && hasSelector(spec)) throw endpointsInTheWay(name)
  const row = await insertService(tx, scope, { namespace, name, labels, annotations, spec, networkId: network.uid })
  if (endpoints) await adoptEndpoints(tx, scope, endpoints.uid, row.uid)
  await giveAddresses(tx, row, spec)
  await recordAudit(tx, scope, { action: 'service.create', kind: 'Service', namespace, name })
}

/** Refuses what no balancer could do, and addresses of the outside that are not the tenant's; those that it had before stay until it changes them. */
async function refuseOutside(tx: Transaction, scope: Scope, service: { name: string; annotations: Record<string, string>; spec: ServiceSpec }, before: ServiceSpec | null): Promise<void> {
  refuseBalancer('Service', service.name, serviceBalancerProblems(service))
  const { type, loadBalancerIP, externalIPs } = service.spec
  // Manifests of 2016 are taken as they were written: that nobody answers for an address of then is said in the condition.
  if (type === 'NetworkProvider') return
  const asked = [...(loadBalancerIP === undefined ? [] : [{ path: 'spec.loadBalancerIP', address: loadBalancerIP }]), ...externalIPs.map((address, i) => ({ path: `spec.externalIPs[${i}]`, address }))]
  const had = new Set([before?.loadBalancerIP, ...(before?.externalIPs ?? [])])
  const unknown = asked.filter(({ address }) => !had.has(address))
  const own = await ownFloatingAddresses(tx, scope, unknown.map(({ address }) => address))
  const problems = unknown.filter(({ address }) => !own.has(address)).map(({ path, address }) => ({ path, message: `${address} is no floating address of this tenant: create one` }))
  refuseBalancer('Service', service.name, problems)
}

const hasSelector = (spec: ServiceSpec): boolean => Object.keys(spec.selector).length > 0
const endpointsInTheWay = (name: string): DomainError => refusedAt('spec.selector', `the Endpoints "${name}" were written by hand, and a selector would write others: delete them first, or leave the selector out`)

/** The addresses that a spec asks for, or any; a refusal stands at the field that asked. */
async function giveAddresses(tx: Transaction, { uid, networkId }: { uid: string; networkId: string }, spec: ServiceSpec): Promise<void> {
  const given = await allocateServiceAddresses(tx, { uid, networkId, spec })
  if ('refusal' in given) throw new DomainError('failed_precondition', given.refusal.message, { problems: [{ path: formatPath(['spec', ...given.refusal.path]), line: null, message: given.refusal.message }] })
}

/** A spec that leaves out what a service was given once keeps it, of the families that it asks for. What comes of it may be no service's spec. */
function withKept(before: ServiceSpec, after: ServiceSpec): ServiceSpec {
  if (after.type === 'ExternalName' || before.clusterIP === undefined || after.clusterIP !== undefined) return after
  const { clusterIP, clusterIPs = [] } = before
  const kept = clusterIPs.filter((_, i) => i === 0 || (after.ipFamilyPolicy !== 'SingleStack' && (after.ipFamilies === undefined || after.ipFamilies.length === 2)))
  return { ...after, clusterIP, ...(kept.length > 0 ? { clusterIPs: kept } : {}) }
}

/** Two specs that are right may be wrong together: what is stored is checked as a whole. */
function checkMerged(spec: ServiceSpec): ServiceSpec {
  const { problems, collect } = problemCollector()
  const checked = check(serviceSpec, spec, ['spec'], (path, message) => collect(path, `${message} (clusterIP is ${spec.type === 'ExternalName' ? 'not written' : spec.clusterIP}, as the service was given it: delete the service and create it anew to change that)`))
  if (!checked) throw new DomainError('failed_precondition', `The service cannot change so:\n${problems.map(({ path, message }) => `${path}: ${message}`).join('\n')}`, { problems })
  return checked
}

/** Writes what differs; false when nothing does. */
async function change(tx: Transaction, scope: Scope, row: ServiceRow, after: { labels: Record<string, string>; annotations: Record<string, string>; spec: ServiceSpec }): Promise<boolean> {
  const { labels, annotations } = after
  const before = serviceSpec.parse(row.spec)
  const spec = checkMerged(withKept(before, after.spec))
  const specChanged = canonicalJson(before) !== canonicalJson(spec)
  if (!row.heldBack && !specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([labels, annotations])) return false
  await refuseOutside(tx, scope, { name: row.name, annotations, spec }, before)
  refuseAddressChange(row, before, spec)
  await refuseFamilyChange(tx, row, before, spec)
  if (hasSelector(before) !== hasSelector(spec)) await changeWhoWritesEndpoints(tx, scope, row, spec)
  await updateService(tx, scope, row.uid, { labels, annotations, spec, specChanged })
  if (specChanged) await giveAddresses(tx, row, spec)
  await recordAudit(tx, scope, { action: 'service.update', kind: 'Service', namespace: row.namespace, name: row.name })
  return true
}

/** An address once given stays the service's: names and caches, and whoever wrote it down, go on. */
function refuseAddressChange(row: ServiceRow, before: ServiceSpec, after: ServiceSpec): void {
  if (before.type === 'ExternalName' || after.type === 'ExternalName') return
  const remedy = 'delete the service and create it anew'
  if (isHeadless(before) !== isHeadless(after)) throw refusedAt('spec.clusterIP', isHeadless(before) ? `cannot change from None: ${remedy}` : `cannot change to None: ${remedy}`)
  const held = row.addresses.map(({ address }) => address)
  const asked = (after.clusterIPs ?? [after.clusterIP]).flatMap((address) => address ?? [])
  const other = asked.findIndex((address, i) => held.some((one) => one.includes(':') === address.includes(':')) && !held.includes(address) && address !== 'None' && i >= 0)
  if (other >= 0) throw refusedAt(after.clusterIPs && other > 0 ? `spec.clusterIPs[${other}]` : 'spec.clusterIP', `cannot change: the service has ${held.join(' and ')}; ${remedy}`)
}

/** The first family of a service's addresses stays, as in Kubernetes: else its address would go unasked. A second one comes and goes. */
async function refuseFamilyChange(tx: Transaction, row: ServiceRow, before: ServiceSpec, after: ServiceSpec): Promise<void> {
  if (!hasServiceAddresses(before) || !hasServiceAddresses(after)) return
  const network = await readNetworkSpec(tx, row.networkId)
  const [first] = serviceFamilies(before, network).families
  const held = row.addresses.find(({ address }) => familyOf(address) === first)
  if (!held || serviceFamilies(after, network).families.some((family) => family === first)) return
  throw refusedAt(after.ipFamilies ? 'spec.ipFamilies[0]' : after.clusterIP === undefined ? 'spec.ipFamilyPolicy' : 'spec.clusterIP', `must keep IPv${first}: the service has ${held.address}; delete the service and create it anew`)
}

/** With a selector the controller writes a service's endpoints, without one people do: neither takes the other's over. */
async function changeWhoWritesEndpoints(tx: Transaction, scope: Scope, row: ServiceRow, after: ServiceSpec): Promise<void> {
  const endpoints = await findEndpoints(tx, scope, row.namespace, row.name)
  if (!endpoints) return
  if (hasSelector(after)) throw endpointsInTheWay(row.name)
  await deleteEndpoints(tx, scope, endpoints.uid)
}

async function viewOf(db: Database, scope: Scope, namespace: string, name: string): Promise<ServiceView> {
  const row = await findService(db, scope, namespace, name)
  const [view] = row ? await toServiceViews(db, [row]) : []
  if (!view) throw notFound('Service', name)
  return view
}

export function removeService(ctx: ServerContext, scope: Scope, reference: z.output<typeof serviceReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteServiceInTransaction(tx, scope, reference), { repeatable: true })
}

/** Deletes a service with its addresses and endpoints; open connections of its pods stay. */
export async function deleteServiceInTransaction(tx: Transaction, scope: Scope, { namespace, name }: z.output<typeof serviceReference>): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  const row = await findService(tx, scope, namespace, name)
  if (!row) throw notFound('Service', name)
  await deleteService(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'service.delete', kind: 'Service', namespace, name })
  return { deleting: true }
}
