import { z } from 'zod'
import type { SecurityGroupManifest } from '@/domain/manifest/parse'
import { maxRulesOfNetwork, securityGroupSpec, type SecurityGroupSpec } from '@/domain/security-group/spec'
import { securityGroupView, type SecurityGroupView } from '@/domain/security-group/view'
import { DomainError, notFound, type Problem } from '@/domain/shared/errors'
import { annotations, labels, type Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Database, type Transaction } from '@/server/store/database'
import { findNetwork, holdNetworkFor } from '@/server/store/networks'
import { recordAudit } from '@/server/store/records'
import { countRulesOf, deleteSecurityGroup, findSecurityGroup, holdSecurityGroup, holdSecurityGroups, insertSecurityGroup, listPodsNamingGroup, updateSecurityGroup, type SecurityGroupRow } from '@/server/store/security-groups'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { admitOneMore, checkRevision, holdTenant, nameTaken, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { groupReference, groupsNaming, toGroupViews } from './read-security-groups'

export const createGroupInput = groupReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: securityGroupSpec, requestId })
/** What is left out stays; `spec` comes as a whole. With `resourceVersion` only the group that was read is changed. */
export const updateGroupInput = groupReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: securityGroupSpec.optional(), resourceVersion })

export function createGroup(ctx: ServerContext, scope: Scope, input: z.output<typeof createGroupInput>): Promise<SecurityGroupView> {
  const { name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'securityGroup.create', input, output: securityGroupView }, async () => {
    await holdTenant(tx, scope)
    if (await findSecurityGroup(tx, scope, name)) throw nameTaken('security group', name)
    await applyGroup(tx, scope, { kind: 'SecurityGroup', metadata: { name, labels, annotations }, spec })
    await checkGroupsNamed(tx, scope, name, spec)
    return viewOf(tx, scope, name)
  }), { repeatable: true })
}

/** Changes rules, members or metadata; hosts change what runs at once and in one transaction of the kernel. */
export function updateGroup(ctx: ServerContext, scope: Scope, input: z.output<typeof updateGroupInput>): Promise<SecurityGroupView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findSecurityGroup(tx, scope, input.name)
    if (!row) throw notFound('SecurityGroup', input.name)
    checkRevision('SecurityGroup', row, input.resourceVersion)
    const before = toMetadata(row)
    const spec = input.spec ?? securityGroupSpec.parse(row.spec)
    await change(tx, scope, row, { labels: input.labels ?? before.labels, annotations: input.annotations ?? before.annotations, spec })
    await checkGroupsNamed(tx, scope, row.name, spec)
    return viewOf(tx, scope, input.name)
  }, { repeatable: true })
}

/** Creates or changes a group as a manifest says it. The tenant is held. Which groups its rules name is checked apart: groups of one text may name each other. */
export async function applyGroup(tx: Transaction, scope: Scope, { metadata, spec }: SecurityGroupManifest): Promise<Applied> {
  const { name, labels, annotations } = metadata
  const existing = await findSecurityGroup(tx, scope, name)
  if (existing) return (await change(tx, scope, existing, { labels, annotations, spec })) ? 'configured' : 'unchanged'
  await holdNetworkFor(tx, scope, spec.network)
  const network = await findNetwork(tx, scope, spec.network)
  if (!network) throw refusedAt('spec.network', `the network "${spec.network}" does not exist: create it first`)
  await admitOneMore(tx, scope, 'SecurityGroup')
  await admitRules(tx, network.uid, name, spec)
  await insertSecurityGroup(tx, scope, { name, labels, annotations, spec, networkId: network.uid })
  await recordAudit(tx, scope, { action: 'securityGroup.create', kind: 'SecurityGroup', name })
  return 'created'
}

/** Refuses rules beyond what the groups of a network may have together. */
async function admitRules(tx: Transaction, networkId: string, name: string, spec: SecurityGroupSpec): Promise<void> {
  const others = await countRulesOf(tx, networkId, { name })
  if (others + spec.rules.length > maxRulesOfNetwork) throw refusedAt('spec.rules', `are ${spec.rules.length}, and the other groups of network "${spec.network}" have ${others}: together at most ${maxRulesOfNetwork}; name several ports or a wider subnet in one rule`)
}

async function change(tx: Transaction, scope: Scope, row: SecurityGroupRow, { labels, annotations, spec }: { labels: Labels; annotations: Labels; spec: SecurityGroupSpec }): Promise<boolean> {
  const before = securityGroupSpec.parse(row.spec)
  const specChanged = canonicalJson(before) !== canonicalJson(spec)
  if (!specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([labels, annotations])) return false
  if (before.network !== spec.network) throw refusedAt('spec.network', `cannot change from "${before.network}": create another group in the network "${spec.network}"`)
  await admitRules(tx, row.networkId, row.name, spec)
  await updateSecurityGroup(tx, scope, row.uid, { labels, annotations, spec, specChanged })
  await recordAudit(tx, scope, { action: 'securityGroup.update', kind: 'SecurityGroup', name: row.name })
  return true
}

/** Refuses rules that name the group itself, one that is not there, or one of another network. Those that are named stay until the transaction ends. */
export async function checkGroupsNamed(tx: Transaction, scope: Scope, name: string, spec: SecurityGroupSpec): Promise<void> {
  const named = spec.rules.flatMap((rule, i) => (rule.group === undefined ? [] : [{ group: rule.group, path: `spec.rules[${i}].group` }]))
  if (named.length === 0) return
  const own = (await findSecurityGroup(tx, scope, name))?.networkId
  const there = new Map((await holdSecurityGroups(tx, scope, [...new Set(named.map(({ group }) => group))])).map((row) => [row.name, row.networkId]))
  const problems = named.flatMap(({ group, path }): Problem[] => {
    const message = group === name
      ? 'is this group itself: name it in a rule of another group that its pods have too'
      : !there.has(group) ? `the security group "${group}" does not exist: create it first` : there.get(group) !== own ? `the security group "${group}" is of another network than "${spec.network}": name one of the same` : null
    return message === null ? [] : [{ path, line: null, message }]
  })
  if (problems[0]) throw new DomainError('failed_precondition', problems.slice(0, 5).map((p) => `${p.path}: ${p.message}`).join('\n'), { problems })
}

async function viewOf(db: Database, scope: Scope, name: string): Promise<SecurityGroupView> {
  const row = await findSecurityGroup(db, scope, name)
  const [view] = row ? await toGroupViews(db, scope, [row]) : []
  if (!view) throw notFound('SecurityGroup', name)
  return view
}

export function removeGroup(ctx: ServerContext, scope: Scope, { name }: z.output<typeof groupReference>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteGroupInTransaction(tx, scope, name), { repeatable: true })
}

/** Deletes a group that no rule of another and no pod names. */
export async function deleteGroupInTransaction(tx: Transaction, scope: Scope, name: string): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  await holdSecurityGroup(tx, scope, name)
  const row = await findSecurityGroup(tx, scope, name)
  if (!row) throw notFound('SecurityGroup', name)
  const groups = await groupsNaming(tx, scope, row)
  if (groups.length > 0) throw new DomainError('failed_precondition', `Security group "${name}" is named by rules of ${listed(groups)}: take it out of them first.`)
  const pods = await listPodsNamingGroup(tx, scope, row.networkId, name)
  if (pods.length > 0) throw new DomainError('failed_precondition', `Security group "${name}" is named by ${pods.length === 100 ? '100 or more pods' : pods.length === 1 ? '1 pod' : `${pods.length} pods`} (${listed(pods.map((pod) => `${pod.namespace}/${pod.name}`))}): delete ${pods.length === 1 ? 'it, or create it' : 'them, or create them'} anew without it.`)
  await deleteSecurityGroup(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'securityGroup.delete', kind: 'SecurityGroup', name })
  return { deleting: true }
}

const listed = (names: readonly string[]): string => `${names.slice(0, 5).map((name) => `"${name}"`).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`
