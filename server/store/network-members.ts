import { z } from 'zod'
import { labels, type Labels } from '@/domain/shared/names'
import type { SelectablePod } from '@/domain/security-group/members'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type NetworkMember = SelectablePod & { uid: string; networkId: string; name: string; addresses: string[] }
const names = z.array(z.string())
/** Every namespace has it, as in Kubernetes, whatever its labels say. */
const namespaceNameLabel = 'kubernetes.io/metadata.name'

/**
 * The pods of the networks with what groups and policies select by, without those that are being deleted, by namespace and name, at
 * most ten thousand: as many as a host is told of.
 */
export async function listMembers(db: Database, scope: Scope, networkIds: string[]): Promise<NetworkMember[]> {
  const namespaces = new Map((await db.namespace.findMany({ where: { tenantId: scope.tenantId }, select: { name: true, labels: true } })).map((row) => [row.name, { ...labelsOf(row.labels), [namespaceNameLabel]: row.name }]))
  const rows = await db.$queryRaw<{ uid: string; networkId: string; namespace: string; name: string; labels: unknown; groups: unknown; addresses: string[] }[]>`
    select p."uid", p."networkId", p."namespace", p."name", p."labels", coalesce(p."spec" #> '{network,securityGroups}', '[]') as groups,
      array(select host(a."address") from "NetworkAddress" a where a."podUid" = p."uid" order by a."address") as addresses
    from "Pod" p where p."tenantId" = ${scope.tenantId} and p."networkId" = any(${networkIds}::uuid[]) and p."deletedAt" is null
    order by p."namespace", p."name" limit 10000`
  return rows.map(({ groups, labels, ...row }) => ({ ...row, labels: labelsOf(labels), namespaceLabels: namespaces.get(row.namespace) ?? {}, securityGroups: names.parse(groups) }))
}

const labelsOf = (value: unknown): Labels => labels.parse(value)
