import { z } from 'zod'
import { poolClashes } from '@/domain/address-pool/overlap'
import type { NetworkManifest } from '@/domain/manifest/parse'
import { formatPath } from '@/domain/manifest/source'
import { maxOf } from '@/domain/network/limits'
import { networkSpec, type NetworkSpec } from '@/domain/network/spec'
import { networkView, type NetworkView } from '@/domain/network/view'
import { DomainError, invalidInput, notFound, type Problem } from '@/domain/shared/errors'
import { annotations, labels, type Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { holdPoolSubnets } from '@/server/store/address-pools'
import { inTransaction, type Transaction } from '@/server/store/database'
import { listNetworkPeeringsOf } from '@/server/store/network-peerings'
import { deleteNetwork, findNetwork, holdNetworkToChange, holdNetworkToDelete, insertNetwork, listNetworks, listUse, listUsers, updateNetwork, type NetworkRow } from '@/server/store/networks'
import { recordAudit } from '@/server/store/records'
import { listServiceAddresses } from '@/server/store/services'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { namespacesOfNetwork } from '../namespaces/network-of-namespace'
import { toMetadata } from '../object-metadata'
import { problemsOfChange, withServiceSubnets, type NetworkUse } from './network-changes'
import { networkReference, networkViewOf } from './network-view'
import { checkRevision, holdTenant, nameTaken, requestId, resourceVersion, type Applied } from './object-lists'

export const createNetworkInput = networkReference.extend({ spec: networkSpec, labels: labels.default({}), annotations: annotations.default({}), requestId })
/** What is left out stays; `spec` comes as a whole, and what it leaves out is the default but for serviceCIDRs. `outbound` alone turns NAT on or off. */
export const updateNetworkInput = networkReference.extend({ outbound: z.enum(['nat', 'none']).optional(), spec: networkSpec.optional(), labels: labels.optional(), annotations: annotations.optional(), resourceVersion })

export function createNetwork(ctx: ServerContext, scope: Scope, input: z.output<typeof createNetworkInput>): Promise<NetworkView> {
  const { name, spec, labels, annotations, requestId } = input
  return inTransaction(ctx.db, (tx) =>
    once(tx, scope, { requestId, procedure: 'network.create', input, output: networkView }, async () => {
      await holdTenant(tx, scope)
      if (await findNetwork(tx, scope, name)) throw nameTaken('network', name)
      await applyNetwork(tx, scope, { kind: 'Network', metadata: { name, labels, annotations }, spec })
      return networkViewOf(tx, scope, name)
    }), { repeatable: true })
}

/** Changes a network; hosts apply it to what runs at once. */
export function changeNetwork(ctx: ServerContext, scope: Scope, input: z.output<typeof updateNetworkInput>): Promise<NetworkView> {
  const { name, outbound } = input
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findNetwork(tx, scope, name)
    if (!row) throw notFound('Network', name)
    checkRevision('Network', row, input.resourceVersion)
    const before = toMetadata(row)
    const spec = input.spec ?? networkSpec.parse(row.spec)
    await applyNetwork(tx, scope, { kind: 'Network', metadata: { name, labels: input.labels ?? before.labels, annotations: input.annotations ?? before.annotations }, spec: { ...spec, ...(outbound ? { outbound } : {}) } })
    return networkViewOf(tx, scope, name)
  }, { repeatable: true })
}

/** Creates or changes a network as a manifest says it. The tenant is held. */
export async function applyNetwork(tx: Transaction, scope: Scope, { metadata, spec }: NetworkManifest): Promise<Applied> {
  const { name, labels, annotations } = metadata
  if (spec.tenantID && spec.tenantID !== scope.tenantId) throw new DomainError('invalid_input', 'spec.tenantID is not the id of this tenant.', { problems: [{ path: 'spec.tenantID', line: null, message: `must be ${scope.tenantId}, the id of the tenant in which it is applied` }] })
  await holdNetworkToChange(tx, scope, name)
  const existing = await findNetwork(tx, scope, name)
  const before = existing ? networkSpec.parse(existing.spec) : null
  const { spec: stored, problems } = withServiceSubnets({ ...spec, tenantID: scope.tenantId }, before)
  if (problems.length > 0) throw invalidInput(problems)
  if (existing && before) return (await change(tx, scope, existing, before, { labels, annotations, spec: stored })) ? 'configured' : 'unchanged'
  if ((await listNetworks(tx, scope)).length >= maxOf.Network) throw new DomainError('failed_precondition', `The tenant has ${maxOf.Network} networks, which is its limit: delete some that are not needed.`)
  refuse(name, await poolProblems(tx, stored), 'be')
  await insertNetwork(tx, scope, { name, labels, annotations, spec: stored })
  await recordAudit(tx, scope, { action: 'network.create', kind: 'Network', name })
  return 'created'
}

async function change(tx: Transaction, scope: Scope, row: NetworkRow, before: NetworkSpec, after: { labels: Labels; annotations: Labels; spec: NetworkSpec }): Promise<boolean> {
  const specChanged = canonicalJson(before) !== canonicalJson(after.spec)
  if (!specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([after.labels, after.annotations])) return false
  if (specChanged) refuse(row.name, [...problemsOfChange(before, after.spec, await useOf(tx, scope, row)), ...(await poolProblems(tx, after.spec))], 'change')
  await updateNetwork(tx, scope, row.uid, { ...after, specChanged })
  await recordAudit(tx, scope, { action: 'network.update', kind: 'Network', name: row.name })
  return true
}

/** Pods of a network that has addresses of a pool would not reach the outside that is there. */
const poolProblems = async (tx: Transaction, spec: NetworkSpec): Promise<Problem[]> =>
  poolClashes(spec, await holdPoolSubnets(tx)).map(({ path, pool }) => ({ path: formatPath(['spec', ...path]), line: null, message: `overlaps ${pool.cidr}, the floating addresses of the pool "${pool.name}": choose another subnet` }))

function refuse(name: string, problems: Problem[], verb: 'be' | 'change'): void {
  if (problems.length > 0) throw new DomainError('failed_precondition', `Network "${name}" cannot ${verb} so:\n${problems.map(({ path, message }) => `${path}: ${message}`).join('\n')}`, { problems })
}

async function useOf(tx: Transaction, scope: Scope, row: NetworkRow): Promise<NetworkUse> {
  const { addresses, subnets } = await listUse(tx, row.uid)
  const peers: NetworkUse['peers'] = []
  for (const peering of (await listNetworkPeeringsOf(tx, scope, row)).filter(({ peerTenantId }) => peerTenantId === scope.tenantId)) {
    const other = await findNetwork(tx, scope, peering.networkId === row.uid ? peering.peerNetwork : peering.network.name)
    if (other) peers.push({ peering: peering.name, network: other.name, spec: networkSpec.parse(other.spec) })
  }
  return { pods: row._count.pods, addresses, subnets, peers, serviceAddresses: (await listServiceAddresses(tx, row.uid)).map(({ address }) => address) }
}

export function removeNetwork(ctx: ServerContext, scope: Scope, name: string): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteNetworkInTransaction(tx, scope, name), { repeatable: true })
}

/** Deletes a network that nothing uses. */
export async function deleteNetworkInTransaction(tx: Transaction, scope: Scope, name: string): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  await holdNetworkToDelete(tx, scope, name)
  const row = await findNetwork(tx, scope, name)
  if (!row) throw notFound('Network', name)
  if (name === 'default') throw new DomainError('failed_precondition', 'The network "default" belongs to the tenant and cannot be deleted.')
  if (row._count.pods > 0) throw new DomainError('failed_precondition', `Network "${name}" is used by ${row._count.pods === 1 ? '1 pod: delete it' : `${row._count.pods} pods: delete them`} first.`)
  const { services, ingresses, goingBalancers, securityGroups } = await listUsers(tx, row.uid)
  const peerings = (await listNetworkPeeringsOf(tx, scope, row)).map((peering) => peering.name)
  const users = { namespaces: await namespacesOfNetwork(tx, scope, name), services, ingresses, 'security groups': securityGroups, peerings }
  const used = Object.entries(users).filter(([, names]) => names.length > 0).map(([what, names]) => `the ${what} ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`)
  if (used.length > 0) throw new DomainError('failed_precondition', `Network "${name}" is used by ${used.join(', by ')}: delete them${users.namespaces.length > 0 ? ', or name another network in the namespaces' : ''} first.`)
  if (goingBalancers.length > 0) throw new DomainError('failed_precondition', `Network "${name}" has ${goingBalancers.length === 1 ? `the load balancer of ${goingBalancers[0]}, which its host has` : `${goingBalancers.length} load balancers, which their hosts have`} not let go of yet: wait until that is done, and delete the network then.`)
  await deleteNetwork(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'network.delete', kind: 'Network', name })
  return { deleting: true }
}
