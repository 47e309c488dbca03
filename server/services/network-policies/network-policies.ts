import { z } from 'zod'
import type { NetworkPolicyManifest } from '@/domain/manifest/parse'
import { isPolicyMember } from '@/domain/network-policy/members'
import { networkPolicySpec, rulesOfPolicy, type NetworkPolicySpec } from '@/domain/network-policy/spec'
import { networkPolicyView, type NetworkPolicyDetail, type NetworkPolicyView } from '@/domain/network-policy/view'
import { maxRulesOfNetwork } from '@/domain/security-group/spec'
import { notFound } from '@/domain/shared/errors'
import { annotations, dnsLabel, dnsSubdomain, labels, type Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Database, type Transaction } from '@/server/store/database'
import { listMembers } from '@/server/store/network-members'
import { deleteNetworkPolicy, findNetworkPolicy, insertNetworkPolicy, listNetworkPoliciesIn, loadNetworkPolicies, updateNetworkPolicy, type NetworkPolicyRow } from '@/server/store/network-policies'
import { listNetworks } from '@/server/store/networks'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { holdNetworkOfNamespace, namespacesOfNetwork, networksByNamespace } from '../namespaces/network-of-namespace'
import { admitOneMore, checkRevision, holdTenant, listNamespacedInput, listPage, nameTaken, pageOf, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { networkQuestions } from '../reachability/turns'

export const policyReference = z.object({ namespace: dnsLabel.default('default'), name: dnsSubdomain })
export const createPolicyInput = policyReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: networkPolicySpec, requestId })
/** What is left out stays; `spec` comes as a whole. With `resourceVersion` only the policy that was read is changed. */
export const updatePolicyInput = policyReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: networkPolicySpec.optional(), resourceVersion })
export const listPoliciesInput = listNamespacedInput
export const listPoliciesOutput = pageOf(networkPolicyView)

/** Stored policies as the API shows them, with the pods that each is about. The pods are read where there are policies. */
async function toDetails(db: Database, scope: Scope, rows: readonly NetworkPolicyRow[]): Promise<NetworkPolicyDetail[]> {
  if (rows.length === 0) return []
  const networks = await networksByNamespace(db, scope)
  const names = new Set(rows.map((row) => networks.get(row.namespace) ?? 'default'))
  const namespaces = new Set(rows.map((row) => row.namespace))
  const pods = (await listMembers(db, scope, (await listNetworks(db, scope)).filter((row) => names.has(row.name)).map((row) => row.uid))).filter((pod) => namespaces.has(pod.namespace))
  return rows.map((row) => {
    const spec = networkPolicySpec.parse(row.spec)
    const members = pods.filter((pod) => isPolicyMember({ namespace: row.namespace, spec }, pod)).map(({ namespace, name, addresses }) => ({ namespace, name, addresses }))
    return { metadata: { ...toMetadata(row), namespace: row.namespace }, spec, status: { network: networks.get(row.namespace) ?? 'default', pods: members.length }, members }
  })
}

const withoutMembers = ({ members: _, ...view }: NetworkPolicyDetail): NetworkPolicyView => view

/** One page of the tenant's policies. */
export async function listPolicies(ctx: ServerContext, scope: Scope, input: z.output<typeof listPoliciesInput>): Promise<z.output<typeof listPoliciesOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'NetworkPolicy', input)
  const details = await networkQuestions.take(scope.tenantId, async () => toDetails(ctx.db, scope, await loadNetworkPolicies(ctx.db, scope, uids)))
  return { ...page, items: details.map(withoutMembers) }
}

export const getPolicy = (ctx: ServerContext, scope: Scope, reference: z.output<typeof policyReference>): Promise<NetworkPolicyDetail> => detailOf(ctx.db, scope, reference)

async function detailOf(db: Database, scope: Scope, { namespace, name }: { namespace: string; name: string }): Promise<NetworkPolicyDetail> {
  const row = await findNetworkPolicy(db, scope, namespace, name)
  const [detail] = row ? await toDetails(db, scope, [row]) : []
  if (!detail) throw notFound('NetworkPolicy', name)
  return detail
}

export function createPolicy(ctx: ServerContext, scope: Scope, input: z.output<typeof createPolicyInput>): Promise<NetworkPolicyView> {
  const { namespace, name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'networkPolicy.create', input, output: networkPolicyView }, async () => {
    await holdTenant(tx, scope)
    if (await findNetworkPolicy(tx, scope, namespace, name)) throw nameTaken('network policy', name, namespace)
    await applyPolicy(tx, scope, { kind: 'NetworkPolicy', metadata: { namespace, name, labels, annotations }, spec })
    return withoutMembers(await detailOf(tx, scope, input))
  }), { repeatable: true })
}

export function updatePolicy(ctx: ServerContext, scope: Scope, input: z.output<typeof updatePolicyInput>): Promise<NetworkPolicyView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findNetworkPolicy(tx, scope, input.namespace, input.name)
    if (!row) throw notFound('NetworkPolicy', input.name)
    checkRevision('NetworkPolicy', row, input.resourceVersion)
    const before = toMetadata(row)
    await change(tx, scope, row, { labels: input.labels ?? before.labels, annotations: input.annotations ?? before.annotations, spec: input.spec ?? networkPolicySpec.parse(row.spec) })
    return withoutMembers(await detailOf(tx, scope, input))
  }, { repeatable: true })
}

/** Creates or changes a policy as a manifest says it. The tenant is held. */
export async function applyPolicy(tx: Transaction, scope: Scope, { metadata, spec }: NetworkPolicyManifest): Promise<Applied> {
  const { namespace, name, labels, annotations } = metadata
  const existing = await findNetworkPolicy(tx, scope, namespace, name)
  if (existing) return (await change(tx, scope, existing, { labels, annotations, spec })) ? 'configured' : 'unchanged'
  const network = await holdNetworkOfNamespace(tx, scope, namespace, 'policy')
  await admitOneMore(tx, scope, 'NetworkPolicy')
  await admitRules(tx, scope, network.name, { namespace, name }, spec)
  await insertNetworkPolicy(tx, scope, { namespace, name, labels, annotations, spec })
  await recordAudit(tx, scope, { action: 'networkPolicy.create', kind: 'NetworkPolicy', namespace, name })
  return 'created'
}

/** Refuses rules beyond what the policies of a network may have together, as many as its groups may. */
async function admitRules(tx: Transaction, scope: Scope, network: string, of: { namespace: string; name: string }, spec: NetworkPolicySpec): Promise<void> {
  const all = await listNetworkPoliciesIn(tx, scope, await namespacesOfNetwork(tx, scope, network))
  const others = all.filter((row) => row.namespace !== of.namespace || row.name !== of.name).reduce((sum, row) => sum + rulesOfPolicy(networkPolicySpec.parse(row.spec)), 0)
  const own = rulesOfPolicy(spec)
  if (others + own > maxRulesOfNetwork) throw refusedAt('spec', `makes ${own} rules, each peer with each port, and the other policies of network "${network}" ${others}: together at most ${maxRulesOfNetwork}`)
}

async function change(tx: Transaction, scope: Scope, row: NetworkPolicyRow, { labels, annotations, spec }: { labels: Labels; annotations: Labels; spec: NetworkPolicySpec }): Promise<boolean> {
  const specChanged = canonicalJson(networkPolicySpec.parse(row.spec)) !== canonicalJson(spec)
  if (!specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([labels, annotations])) return false
  if (specChanged) await admitRules(tx, scope, (await networksByNamespace(tx, scope)).get(row.namespace) ?? 'default', row, spec)
  await updateNetworkPolicy(tx, scope, row.uid, { labels, annotations, spec, specChanged })
  await recordAudit(tx, scope, { action: 'networkPolicy.update', kind: 'NetworkPolicy', namespace: row.namespace, name: row.name })
  return true
}

export function removePolicy(ctx: ServerContext, scope: Scope, reference: z.output<typeof policyReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deletePolicyInTransaction(tx, scope, reference), { repeatable: true })
}

export async function deletePolicyInTransaction(tx: Transaction, scope: Scope, { namespace, name }: z.output<typeof policyReference>): Promise<{ deleting: true }> {
  const row = await findNetworkPolicy(tx, scope, namespace, name)
  if (!row) throw notFound('NetworkPolicy', name)
  await deleteNetworkPolicy(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'networkPolicy.delete', kind: 'NetworkPolicy', namespace, name })
  return { deleting: true }
}
