import { z } from 'zod'
import type { NetworkManifest } from '@/domain/manifest/parse'
import { namespaceSpec } from '@/domain/namespace/spec'
import { networkSpec, subnetCapacity, type NetworkSpec } from '@/domain/network/spec'
import { networkView, type NetworkView } from '@/domain/network/view'
import { DomainError, notFound } from '@/domain/shared/errors'
import { annotations, dnsLabel, labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import { inTransaction, type Database, type Transaction } from '@/server/store/database'
import { listNamespaces } from '@/server/store/namespaces'
import { deleteNetwork, findNetwork, insertNetwork, listNetworkPods, listNetworks, updateNetwork } from '@/server/store/networks'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { toCondition, toMetadata } from '../object-metadata'

export const networkReference = z.object({ name: dnsLabel })
export const createNetworkInput = networkReference.extend({ spec: networkSpec, labels: labels.default({}), annotations: annotations.default({}), requestId: z.string().min(1).max(128).optional() })
export const updateNetworkInput = networkReference.extend({ outbound: z.enum(['nat', 'none']) })
export const networkDetail = networkView.extend({ pods: z.array(z.object({ namespace: z.string(), name: z.string(), address: z.string().nullable(), mac: z.string().nullable() })) })

type Row = NonNullable<Awaited<ReturnType<typeof findNetwork>>>

/** The namespaces that use a network: those that name it, and for `default` those that name none. */
async function namespacesByNetwork(db: Database, scope: Scope): Promise<Map<string, string[]>> {
  const users = new Map<string, string[]>()
  for (const row of await listNamespaces(db, scope)) {
    const network = namespaceSpec.parse(row.spec).network ?? 'default'
    users.set(network, [...(users.get(network) ?? []), row.name])
  }
  return users
}

async function toViews(db: Database, scope: Scope, rows: Row[]): Promise<NetworkView[]> {
  const users = await namespacesByNetwork(db, scope)
  const conditions = await listConditions(db, rows.map((r) => r.uid))
  return rows.map((row) => {
    const spec = networkSpec.parse(row.spec)
    const addressesTotal = Object.values(spec.subnets).reduce((sum, subnet) => sum + subnetCapacity(subnet), 0)
    return { metadata: toMetadata(row), spec, status: { conditions: conditions.filter((c) => c.objectUid === row.uid).map(toCondition), pods: row._count.pods, addressesUsed: row._count.addresses, addressesTotal, namespaces: users.get(row.name) ?? [] } }
  })
}

export const listNetworkViews = async (ctx: ServerContext, scope: Scope): Promise<{ items: NetworkView[] }> => ({ items: await toViews(ctx.db, scope, await listNetworks(ctx.db, scope)) })

export async function getNetwork(ctx: ServerContext, scope: Scope, name: string): Promise<z.output<typeof networkDetail>> {
  const row = await findNetwork(ctx.db, scope, name)
  const [view] = row ? await toViews(ctx.db, scope, [row]) : []
  if (!row || !view) throw notFound('Network', name)
  const pods = await listNetworkPods(ctx.db, scope, row.uid)
  return { ...view, pods: pods.map((p) => ({ namespace: p.namespace, name: p.name, address: p.addresses[0]?.address ?? null, mac: p.addresses[0]?.mac ?? null })) }
}

export function createNetwork(ctx: ServerContext, scope: Scope, input: z.output<typeof createNetworkInput>): Promise<NetworkView> {
  const { name, spec, labels, annotations, requestId } = input
  return inTransaction(ctx.db, (tx) =>
    once(tx, scope, { requestId, procedure: 'network.create', input, output: networkView }, async () => {
      if (await findNetwork(tx, scope, name)) throw new DomainError('already_exists', `A network "${name}" exists: choose another name.`, { problems: [{ path: 'name', line: null, message: 'is taken' }] })
      await applyNetwork(tx, scope, { kind: 'Network', metadata: { name, labels, annotations }, spec })
      return viewOf(tx, scope, name)
    }),
  )
}

/** Turns outbound NAT on or off; hosts apply it to running pods at once. */
export function updateNetworkOutbound(ctx: ServerContext, scope: Scope, { name, outbound }: z.output<typeof updateNetworkInput>): Promise<NetworkView> {
  return inTransaction(ctx.db, async (tx) => {
    const row = await findNetwork(tx, scope, name)
    if (!row) throw notFound('Network', name)
    const { labels, annotations } = toMetadata(row)
    await applyNetwork(tx, scope, { kind: 'Network', metadata: { name, labels, annotations }, spec: { ...networkSpec.parse(row.spec), outbound } })
    return viewOf(tx, scope, name)
  })
}

async function viewOf(db: Database, scope: Scope, name: string): Promise<NetworkView> {
  const row = await findNetwork(db, scope, name)
  const [view] = row ? await toViews(db, scope, [row]) : []
  if (!view) throw notFound('Network', name)
  return view
}

/** Creates or changes a network. Subnets cannot change while pods hold addresses of them. */
export async function applyNetwork(tx: Transaction, scope: Scope, { metadata, spec }: NetworkManifest): Promise<'created' | 'configured' | 'unchanged'> {
  const { name, labels, annotations } = metadata
  if (spec.tenantID && spec.tenantID !== scope.tenantId) throw new DomainError('invalid_input', 'spec.tenantID is not the id of this tenant.', { problems: [{ path: 'spec.tenantID', line: null, message: `must be ${scope.tenantId}, the id of the tenant in which it is applied` }] })
  const stored: NetworkSpec = { ...spec, tenantID: scope.tenantId }
  const existing = await findNetwork(tx, scope, name)
  if (!existing) {
    await insertNetwork(tx, scope, { name, labels, annotations, spec: stored })
    await recordAudit(tx, scope, { action: 'network.create', kind: 'Network', name })
    return 'created'
  }
  const before = networkSpec.parse(existing.spec)
  if (canonicalJson([before, existing.labels, existing.annotations]) === canonicalJson([stored, labels, annotations])) return 'unchanged'
  if (canonicalJson(before.subnets) !== canonicalJson(stored.subnets) && existing._count.pods > 0) {
    throw new DomainError('failed_precondition', `The subnets of network "${name}" cannot change while ${existing._count.pods} pods use it: delete them first.`, { problems: [{ path: 'spec.subnets', line: null, message: `cannot change while ${existing._count.pods} pods use the network` }] })
  }
  await updateNetwork(tx, scope, existing.uid, { labels, annotations, spec: stored })
  await recordAudit(tx, scope, { action: 'network.update', kind: 'Network', name })
  return 'configured'
}

export function removeNetwork(ctx: ServerContext, scope: Scope, name: string): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteNetworkInTransaction(tx, scope, name))
}

/** Deletes a network that no pod and no namespace uses. */
export async function deleteNetworkInTransaction(tx: Transaction, scope: Scope, name: string): Promise<{ deleting: true }> {
  const row = await findNetwork(tx, scope, name)
  if (!row) throw notFound('Network', name)
  if (name === 'default') throw new DomainError('failed_precondition', 'The network "default" belongs to the tenant and cannot be deleted.')
  const users = (await namespacesByNetwork(tx, scope)).get(name) ?? []
  if (row._count.pods > 0) throw new DomainError('failed_precondition', `Network "${name}" is used by ${row._count.pods} pods: delete them first.`)
  if (users.length > 0) throw new DomainError('failed_precondition', `Network "${name}" is used by the namespaces ${users.join(', ')}: delete them or name another network there.`)
  await deleteNetwork(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'network.delete', kind: 'Network', name })
  return { deleting: true }
}
