import type { EndpointsManifest } from '@/domain/manifest/parse'
import { networkSpec, reservedSubnets, serviceSubnets, subnetsOf, type NetworkSpec } from '@/domain/network/spec'
import { maxEndpoints, type EndpointSubset } from '@/domain/service/endpoints'
import { serviceSpec } from '@/domain/service/spec'
import type { EndpointsView } from '@/domain/service/view'
import { DomainError, notFound, type Problem } from '@/domain/shared/errors'
import { formatSubnet, inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import { countWrittenAddresses, deleteEndpoints, findEndpoints, insertEndpoints, loadEndpoints, updateEndpoints, type EndpointsRow } from '@/server/store/endpoints'
import { recordAudit } from '@/server/store/records'
import { findService } from '@/server/store/services'
import { storedSubsets } from '@/server/store/stored-subsets'
import type { ServerContext } from '../context'
import { canonicalJson } from '../idempotency'
import { holdNetworkOfNamespace } from '../namespaces/network-of-namespace'
import { admitOneMore, holdTenant, listNamespacedInput, listPage, refusedAt, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import type { z } from 'zod'

type Reference = { namespace: string; name: string }
const toView = (row: EndpointsRow): EndpointsView => ({ metadata: { ...toMetadata(row), namespace: row.namespace }, subsets: storedSubsets(row.subsets) })

export async function getEndpoints(ctx: ServerContext, scope: Scope, { namespace, name }: Reference): Promise<EndpointsView> {
  const row = await findEndpoints(ctx.db, scope, namespace, name)
  if (!row) throw notFound('Endpoints', name)
  return toView(row)
}

export async function listEndpoints(ctx: ServerContext, scope: Scope, input: z.output<typeof listNamespacedInput>): Promise<{ items: EndpointsView[]; nextCursor: string | null }> {
  const { uids, nextCursor } = await listPage(ctx.db, scope, 'Endpoints', input)
  return { items: (await loadEndpoints(ctx.db, scope, uids)).map(toView), nextCursor }
}

const selects = (spec: unknown): boolean => Object.keys(serviceSpec.parse(spec).selector).length > 0
const notByHand = (name: string): DomainError =>
  new DomainError('failed_precondition', `The Endpoints "${name}" are those of a service with a selector, which the server writes: take the selector out of the service, or leave them.`, { problems: [{ path: 'metadata.name', line: null, message: `the service "${name}" has a selector, so the server writes its Endpoints: take the selector out of the service first` }] })

/** Creates or changes the Endpoints that people write, for services without a selector. The tenant is held. */
export async function applyEndpoints(tx: Transaction, scope: Scope, { metadata, subsets }: EndpointsManifest): Promise<Applied> {
  const { namespace, name, labels, annotations } = metadata
  const network = await holdNetworkOfNamespace(tx, scope, namespace, 'Endpoints')
  const service = await findService(tx, scope, namespace, name)
  if (service && selects(service.spec)) throw notByHand(name)
  const problems = problemsOf(subsets, networkSpec.parse(network.spec))
  if (problems[0]) throw new DomainError('invalid_input', `${problems[0].path}: ${problems[0].message}`, { problems })
  const existing = await findEndpoints(tx, scope, namespace, name)
  await admitAddresses(tx, scope, existing, subsets)
  if (!existing) {
    await admitOneMore(tx, scope, 'Endpoints')
    await insertEndpoints(tx, scope, { namespace, name, labels, annotations, subsets, serviceUid: service?.uid ?? null })
    await recordAudit(tx, scope, { action: 'endpoints.create', kind: 'Endpoints', namespace, name })
    return 'created'
  }
  if (canonicalJson([existing.labels, existing.annotations, storedSubsets(existing.subsets)]) === canonicalJson([labels, annotations, subsets])) return 'unchanged'
  await updateEndpoints(tx, scope, existing.uid, { labels, annotations, subsets })
  await recordAudit(tx, scope, { action: 'endpoints.update', kind: 'Endpoints', namespace, name })
  return 'configured'
}

/** All that a tenant writes in Endpoints by hand: hosts are told of each, and read all of them with each change. */
const maxWrittenAddresses = 20_000
const sizeOf = (subsets: readonly EndpointSubset[]): number => subsets.reduce((sum, { addresses, notReadyAddresses }) => sum + addresses.length + notReadyAddresses.length, 0)

async function admitAddresses(tx: Transaction, scope: Scope, existing: EndpointsRow | null, subsets: readonly EndpointSubset[]): Promise<void> {
  const own = sizeOf(subsets)
  // To have fewer is never refused.
  if (own <= sizeOf(storedSubsets(existing?.subsets ?? []))) return
  const others = await countWrittenAddresses(tx, scope, existing?.uid ?? null)
  if (own + others > maxWrittenAddresses) throw refusedAt('subsets', `has ${own} addresses, and the tenant's other Endpoints that people wrote ${others}: together at most ${maxWrittenAddresses}`)
}

/** Addresses that mean something else to every guest, are a service's or a gateway's, or are too many. */
function problemsOf(subsets: readonly EndpointSubset[], network: NetworkSpec): Problem[] {
  const services = serviceSubnets(network).map(parseSubnet)
  const gateways = new Set(subnetsOf(network).map(({ gateway }) => gateway))
  const problems: Problem[] = []
  let count = 0
  for (const [i, subset] of subsets.entries()) {
    for (const list of ['addresses', 'notReadyAddresses'] as const) {
      for (const [j, { ip }] of subset[list].entries()) {
        count++
        const at = (message: string) => problems.length < 100 && problems.push({ path: `subsets[${i}].${list}[${j}].ip`, line: null, message })
        const reserved = reservedSubnets.find((range) => inSubnet(range, parseIp(ip)))
        if (reserved) at(`must not lie in ${formatSubnet(reserved)}, which is reserved`)
        else if (services.some((range) => inSubnet(range, parseIp(ip)))) at('is an address of services: name the pods behind them')
        else if (gateways.has(ip)) at('is a gateway of the network')
      }
    }
  }
  if (count > maxEndpoints) problems.unshift({ path: 'subsets', line: null, message: `has ${count} addresses: at most ${maxEndpoints}` })
  return problems
}

/** Deletes Endpoints that people wrote. */
export async function deleteEndpointsInTransaction(tx: Transaction, scope: Scope, { namespace, name }: Reference): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  const row = await findEndpoints(tx, scope, namespace, name)
  if (!row) throw notFound('Endpoints', name)
  if (row.service && selects(row.service.spec)) throw notByHand(name)
  await deleteEndpoints(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'endpoints.delete', kind: 'Endpoints', namespace, name })
  return { deleting: true }
}
