import { z } from 'zod'
import type { NetworkPeeringManifest } from '@/domain/manifest/parse'
import { networkSpec } from '@/domain/network/spec'
import { networkPeeringSpec } from '@/domain/network-peering/spec'
import { overlapOf } from '@/domain/network-peering/overlap'
import { peeringState } from '@/domain/network-peering/state'
import { networkPeeringView, type NetworkPeeringView } from '@/domain/network-peering/view'
import type { Condition } from '@/domain/shared/condition'
import { notFound } from '@/domain/shared/errors'
import { annotations, dnsLabel, labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import { inTransaction, type Database, type Transaction } from '@/server/store/database'
import { deleteNetworkPeering, findNetworkPeering, findPeerSides, findSamePeering, insertNetworkPeering, loadNetworkPeerings, nobody, tenantIdOf, updateNetworkPeeringMetadata, type NetworkPeeringRow } from '@/server/store/network-peerings'
import { findNetwork, holdNetworkFor } from '@/server/store/networks'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { admitOneMore, checkRevision, holdTenant, listObjectsInput, listPage, nameTaken, pageOf, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'

export const peeringReference = z.object({ name: dnsLabel })
export const createPeeringInput = peeringReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: networkPeeringSpec, requestId })
/** Labels and annotations are what may change of a peering; what is left out stays. */
export const updatePeeringInput = peeringReference.extend({ labels: labels.optional(), annotations: annotations.optional(), resourceVersion })
export const listPeeringsInput = listObjectsInput
export const listPeeringsOutput = pageOf(networkPeeringView)

const agreedSubnets = z.array(z.string()).nullable()

/** Stored peerings as the API shows them, with what is missing until pods reach each other. */
export async function toPeeringViews(db: Database, scope: Scope, rows: readonly NetworkPeeringRow[]): Promise<NetworkPeeringView[]> {
  const sides = await findPeerSides(db, scope, rows)
  const stored = new Map((await listConditions(db, rows.map((row) => row.uid))).filter(({ type }) => type === 'Active').map((one) => [one.objectUid, toCondition(one)]))
  return rows.map((row) => {
    const spec = networkPeeringSpec.parse(row.spec)
    const side = sides.get(row.uid)
    const sameTenant = row.peerTenantId === scope.tenantId
    const tenant = sameTenant ? row.tenant.slug : (spec.peer.tenant ?? row.peerTenantId)
    const now = peeringState({ own: networkSpec.parse(row.network.spec), peer: side ? networkSpec.parse(side.spec) : null, agreed: side?.agreed ?? false, agreedSubnets: agreedSubnets.parse(row.agreedSubnets), covered: side?.covered ?? false, sameTenant, names: { own: row.network.name, peer: row.peerNetwork, tenant } })
    const condition = said({ ...now.condition, lastTransitionTime: row.createdAt.toISOString(), observedGeneration: row.generation }, stored.get(row.uid))
    return { metadata: toMetadata(row), spec, status: { active: condition.status === 'True', peerTenant: tenant, conditions: [condition] } }
  })
}

/** What is missing between the two counts as it is now; since when, and whether other networks are in the way, is the controller's to say. */
const said = (now: Condition, seen: Condition | undefined): Condition => (seen && (now.status === 'True' || now.status === seen.status) ? seen : now)

/** One page of the tenant's peerings. */
export async function listPeerings(ctx: ServerContext, scope: Scope, input: z.output<typeof listPeeringsInput>): Promise<z.output<typeof listPeeringsOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'NetworkPeering', input)
  return { ...page, items: await toPeeringViews(ctx.db, scope, await loadNetworkPeerings(ctx.db, scope, uids)) }
}

export const getPeering = (ctx: ServerContext, scope: Scope, { name }: z.output<typeof peeringReference>): Promise<NetworkPeeringView> => viewOf(ctx.db, scope, name)

async function viewOf(db: Database, scope: Scope, name: string): Promise<NetworkPeeringView> {
  const row = await findNetworkPeering(db, scope, name)
  const [view] = row ? await toPeeringViews(db, scope, [row]) : []
  if (!view) throw notFound('NetworkPeering', name)
  return view
}

export function createPeering(ctx: ServerContext, scope: Scope, input: z.output<typeof createPeeringInput>): Promise<NetworkPeeringView> {
  const { name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'networkPeering.create', input, output: networkPeeringView }, async () => {
    await holdTenant(tx, scope)
    if (await findNetworkPeering(tx, scope, name)) throw nameTaken('network peering', name)
    await applyPeering(tx, scope, { kind: 'NetworkPeering', metadata: { name, labels, annotations }, spec })
    return viewOf(tx, scope, name)
  }), { repeatable: true })
}

export function updatePeering(ctx: ServerContext, scope: Scope, input: z.output<typeof updatePeeringInput>): Promise<NetworkPeeringView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findNetworkPeering(tx, scope, input.name)
    if (!row) throw notFound('NetworkPeering', input.name)
    checkRevision('NetworkPeering', row, input.resourceVersion)
    const before = toMetadata(row)
    await applyPeering(tx, scope, { kind: 'NetworkPeering', metadata: { name: row.name, labels: input.labels ?? before.labels, annotations: input.annotations ?? before.annotations }, spec: networkPeeringSpec.parse(row.spec) })
    return viewOf(tx, scope, input.name)
  }, { repeatable: true })
}

/** Creates a peering, or changes its metadata, as a manifest says it. The tenant is held. */
export async function applyPeering(tx: Transaction, scope: Scope, { metadata, spec }: NetworkPeeringManifest): Promise<Applied> {
  const { name, labels, annotations } = metadata
  const existing = await findNetworkPeering(tx, scope, name)
  if (existing) {
    if (canonicalJson(networkPeeringSpec.parse(existing.spec)) !== canonicalJson(spec)) throw refusedAt('spec', 'cannot change: delete the peering and create it anew')
    if (canonicalJson([existing.labels, existing.annotations]) === canonicalJson([labels, annotations])) return 'unchanged'
    await updateNetworkPeeringMetadata(tx, scope, existing.uid, { labels, annotations })
    await recordAudit(tx, scope, { action: 'networkPeering.update', kind: 'NetworkPeering', name })
    return 'configured'
  }
  await holdNetworkFor(tx, scope, spec.network)
  const own = await findNetwork(tx, scope, spec.network)
  if (!own) throw refusedAt('spec.network', `the network "${spec.network}" does not exist: create it first`)
  const peerTenantId = spec.peer.tenant === undefined ? scope.tenantId : ((await tenantIdOf(tx, spec.peer.tenant)) ?? nobody)
  if (peerTenantId === scope.tenantId) await checkOwnPeer(tx, scope, spec.peer.network, own)
  await admitOneMore(tx, scope, 'NetworkPeering')
  const same = await findSamePeering(tx, scope, { networkId: own.uid, peerTenantId, peerTenant: spec.peer.tenant, peerNetwork: spec.peer.network })
  if (same) throw refusedAt('spec.peer', `is what the peering "${same.name}" says already`)
  await insertNetworkPeering(tx, scope, { name, labels, annotations, spec, networkId: own.uid, peerTenantId, peerNetwork: spec.peer.network })
  await recordAudit(tx, scope, { action: 'networkPeering.create', kind: 'NetworkPeering', name })
  return 'created'
}

/** Of the tenant's own networks what is wrong is said at once; of another tenant's, a condition says what is missing. */
async function checkOwnPeer(tx: Transaction, scope: Scope, name: string, own: { name: string; spec: unknown }): Promise<void> {
  if (name === own.name) throw refusedAt('spec.peer.network', 'is the network itself: name another one')
  await holdNetworkFor(tx, scope, name)
  const peer = await findNetwork(tx, scope, name)
  if (!peer) throw refusedAt('spec.peer.network', `the network "${name}" does not exist: create it first`)
  const overlap = overlapOf(networkSpec.parse(own.spec), networkSpec.parse(peer.spec))
  if (overlap) throw refusedAt('spec.peer.network', `${overlap.own} of network "${own.name}" overlaps ${overlap.other} of network "${name}": networks that talk need subnets of their own`)
}

export function removePeering(ctx: ServerContext, scope: Scope, { name }: z.output<typeof peeringReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deletePeeringInTransaction(tx, scope, name), { repeatable: true })
}

/** Takes this side's word back: hosts part the networks at once. */
export async function deletePeeringInTransaction(tx: Transaction, scope: Scope, name: string): Promise<{ deleting: true }> {
  const row = await findNetworkPeering(tx, scope, name)
  if (!row) throw notFound('NetworkPeering', name)
  await deleteNetworkPeering(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'networkPeering.delete', kind: 'NetworkPeering', name })
  return { deleting: true }
}
