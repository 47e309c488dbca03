import { z } from 'zod'
import { isGroupMember } from '@/domain/security-group/members'
import { securityGroupSpec } from '@/domain/security-group/spec'
import { securityGroupView, type SecurityGroupDetail, type SecurityGroupView } from '@/domain/security-group/view'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from '@/server/store/database'
import { listMembers, type NetworkMember } from '@/server/store/network-members'
import { findSecurityGroup, listSecurityGroupsOf, loadSecurityGroups, type SecurityGroupRow } from '@/server/store/security-groups'
import type { ServerContext } from '../context'
import { listObjectsInput, listPage, pageOf } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { networkQuestions } from '../reachability/turns'

export const groupReference = z.object({ name: dnsLabel })
export const listGroupsInput = listObjectsInput
export const listGroupsOutput = pageOf(securityGroupView)

const membersOf = (row: SecurityGroupRow, pods: readonly NetworkMember[]): NetworkMember[] => {
  const group = { name: row.name, spec: securityGroupSpec.parse(row.spec) }
  return pods.filter((pod) => pod.networkId === row.networkId && isGroupMember(group, pod))
}

export async function toGroupViews(db: Database, scope: Scope, rows: readonly SecurityGroupRow[]): Promise<SecurityGroupView[]> {
  const pods = rows.length === 0 ? [] : await listMembers(db, scope, [...new Set(rows.map((row) => row.networkId))])
  return rows.map((row) => ({ metadata: toMetadata(row), spec: securityGroupSpec.parse(row.spec), status: { pods: membersOf(row, pods).length } }))
}

/** One page of the tenant's security groups. */
export async function listGroups(ctx: ServerContext, scope: Scope, input: z.output<typeof listGroupsInput>): Promise<z.output<typeof listGroupsOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'SecurityGroup', input)
  return { ...page, items: await networkQuestions.take(scope.tenantId, async () => toGroupViews(ctx.db, scope, await loadSecurityGroups(ctx.db, scope, uids))) }
}

export async function getGroup(ctx: ServerContext, scope: Scope, { name }: z.output<typeof groupReference>): Promise<SecurityGroupDetail> {
  const row = await findSecurityGroup(ctx.db, scope, name)
  if (!row) throw notFound('SecurityGroup', name)
  const members = membersOf(row, await listMembers(ctx.db, scope, [row.networkId]))
  return {
    metadata: toMetadata(row), spec: securityGroupSpec.parse(row.spec), status: { pods: members.length },
    members: members.map(({ namespace, name, addresses }) => ({ namespace, name, addresses })),
    usedBy: await groupsNaming(ctx.db, scope, row),
  }
}

/** The groups whose rules name a group. */
export const groupsNaming = async (db: Database, scope: Scope, { name, networkId }: { name: string; networkId: string }): Promise<string[]> =>
  (await listSecurityGroupsOf(db, scope, networkId)).filter((other) => other.name !== name && securityGroupSpec.parse(other.spec).rules.some((rule) => rule.group === name)).map((other) => other.name)
