import type { SecurityGroupSpec } from '@/domain/security-group/spec'
import type { Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { inOrder } from './object-pages'

const parts = { network: { select: { name: true } } } as const
export type SecurityGroupRow = NonNullable<Awaited<ReturnType<typeof findSecurityGroup>>>

export const insertSecurityGroup = (db: Database, scope: Scope, row: { name: string; labels: Labels; annotations: Labels; spec: SecurityGroupSpec; networkId: string }) => db.securityGroup.create({ data: { ...row, tenantId: scope.tenantId } })

export const findSecurityGroup = (db: Database, scope: Scope, name: string) => db.securityGroup.findUnique({ where: { tenantId_name: { tenantId: scope.tenantId, name } }, include: parts })

export const loadSecurityGroups = async (db: Database, scope: Scope, uids: string[]): Promise<SecurityGroupRow[]> => inOrder(uids, await db.securityGroup.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

/** Every group of a network. */
export const listSecurityGroupsOf = (db: Database, scope: Scope, networkId: string): Promise<SecurityGroupRow[]> => db.securityGroup.findMany({ where: { networkId, tenantId: scope.tenantId }, include: parts, orderBy: { name: 'asc' } })

/** Those of the named groups that exist, held so that none is deleted before the transaction ends. */
export const holdSecurityGroups = (tx: Database, scope: Scope, names: readonly string[]): Promise<{ name: string; networkId: string }[]> =>
  tx.$queryRaw`select "name", "networkId" from "SecurityGroup" where "tenantId" = ${scope.tenantId} and "name" = any(${[...names]}::text[]) order by "uid" for key share`

/** Holds a group that is about to go: whoever names it waits. */
export const holdSecurityGroup = (tx: Database, scope: Scope, name: string) => tx.$queryRaw`select 1 from "SecurityGroup" where "tenantId" = ${scope.tenantId} and "name" = ${name} for update`

export const updateSecurityGroup = (db: Database, scope: Scope, uid: string, { specChanged, ...data }: { labels: Labels; annotations: Labels; spec: SecurityGroupSpec; specChanged: boolean }) =>
  db.securityGroup.update({ where: { uid, tenantId: scope.tenantId }, data: { ...data, ...(specChanged ? { generation: { increment: 1 } } : {}) } })

export const deleteSecurityGroup = (db: Database, scope: Scope, uid: string) => db.securityGroup.delete({ where: { uid, tenantId: scope.tenantId } })

/** The pods whose spec names the group, at most a hundred. */
export const listPodsNamingGroup = (db: Database, scope: Scope, networkId: string, name: string): Promise<{ namespace: string; name: string }[]> =>
  db.$queryRaw`select "namespace", "name" from "Pod" where "tenantId" = ${scope.tenantId} and "networkId" = ${networkId}::uuid and "spec" #> '{network,securityGroups}' ? ${name} order by "namespace", "name" limit 100`

/** The rules of the other groups of a network together. */
export async function countRulesOf(tx: Database, networkId: string, without: { name: string }): Promise<number> {
  const rows = await tx.$queryRaw<{ count: number }[]>`
    select coalesce(sum(jsonb_array_length("spec" -> 'rules')), 0)::int as count from "SecurityGroup" where "networkId" = ${networkId}::uuid and "name" <> ${without.name}`
  return rows[0]?.count ?? 0
}
