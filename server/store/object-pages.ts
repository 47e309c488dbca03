import { Prisma } from '@/generated/prisma/client'
import type { Requirement } from '@/domain/shared/label-selector'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { selectorSql } from './selector-sql'
import { ofPhases, type PhasedKind } from './volume-phases'

/** The kinds whose lists are paged here. */
export type PagedKind = 'Service' | 'Endpoints' | 'SecurityGroup' | 'NetworkPolicy' | 'NetworkPeering' | 'FloatingAddress' | 'Ingress' | 'LoadBalancer' | 'Volume' | 'VolumeClaim' | 'VolumeSnapshot' | 'SnapshotSchedule'
const tables: Record<PagedKind, Prisma.Sql> = { Service: Prisma.sql`"Service"`, Endpoints: Prisma.sql`"Endpoints"`, SecurityGroup: Prisma.sql`"SecurityGroup"`, NetworkPolicy: Prisma.sql`"NetworkPolicy"`, NetworkPeering: Prisma.sql`"NetworkPeering"`, FloatingAddress: Prisma.sql`"FloatingAddress"`, Ingress: Prisma.sql`"Ingress"`, LoadBalancer: Prisma.sql`"LoadBalancer"`, Volume: Prisma.sql`"Volume"`, VolumeClaim: Prisma.sql`"VolumeClaim"`, VolumeSnapshot: Prisma.sql`"VolumeSnapshot"`, SnapshotSchedule: Prisma.sql`"SnapshotSchedule"` }
const namespaced: readonly PagedKind[] = ['Service', 'Endpoints', 'NetworkPolicy', 'Ingress', 'LoadBalancer', 'VolumeClaim']
const hasPhase = (kind: PagedKind): kind is PhasedKind => kind === 'Volume' || kind === 'VolumeClaim' || kind === 'VolumeSnapshot'
const ofNetwork: readonly PagedKind[] = ['Service', 'SecurityGroup', 'NetworkPeering', 'Ingress', 'LoadBalancer']

export const pageSorts = ['name', 'namespace', 'created'] as const
export type PageQuery = {
  namespace?: string | undefined
  /** Those of one network, by its uid; of NetworkPolicies those in these namespaces. */
  networkId?: string | undefined
  namespaces?: readonly string[] | undefined
  search?: string | undefined
  selector?: readonly Requirement[]
  /** Of what can be restored: whether those that are deleted, or the others. */
  deleted?: boolean | undefined
  /** Of volumes, their claims and snapshots: those in one of these phases. */
  phases?: readonly string[] | undefined
  /** Of snapshots: those of one volume, by its name; of one instant; of one schedule, by its name. */
  snapshots?: { volume?: string | undefined; group?: string | undefined; schedule?: string | undefined } | undefined
  /** Of volumes: those that were made of a snapshot, by its name. */
  madeOf?: string | undefined
  sort: (typeof pageSorts)[number]
  descending: boolean
  limit: number
  after?: { value: string; uid: string } | undefined
}

const sortKey = (kind: PagedKind, sort: PageQuery['sort']): Prisma.Sql =>
  sort === 'created' ? Prisma.sql`to_char(o."createdAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS') collate "C"` : sort === 'namespace' && namespaced.includes(kind) ? Prisma.sql`o."namespace" collate "C"` : Prisma.sql`o."name" collate "C"`

/** A balancer has the labels of who asked for it. */
const labelsOf = (kind: PagedKind): Prisma.Sql =>
  kind === 'LoadBalancer' ? Prisma.sql`(select "labels" from "Service" where "uid" = o."sourceUid" union all select "labels" from "Ingress" where "uid" = o."sourceUid")` : Prisma.sql`o."labels"`

/** A page of what may be large ends before it has more than so many bytes of it, but has at least one. */
const mostBytes = 4 << 20
const isLarge = (kind: PagedKind): boolean => kind === 'Service' || kind === 'Ingress'

/** Those that were made for clones are nobody's to see. */
const ofSnapshots = (scope: Scope, { volume, group, schedule }: NonNullable<PageQuery['snapshots']>): Prisma.Sql[] => [
  Prisma.sql`not o."hidden"`,
  ...(volume === undefined ? [] : [Prisma.sql`o."volumeUid" = (select "uid" from "Volume" where "tenantId" = ${scope.tenantId} and "name" = ${volume} order by "deletedAt" desc nulls first limit 1)`]),
  ...(group === undefined ? [] : [Prisma.sql`o."groupUid" = ${group}::uuid`]),
  ...(schedule === undefined ? [] : [Prisma.sql`o."scheduleUid" in (select "uid" from "SnapshotSchedule" where "tenantId" = ${scope.tenantId} and "name" = ${schedule})`]),
]

function filterOf(scope: Scope, kind: PagedKind, { namespace, networkId, namespaces, search, selector = [], deleted, phases = [], snapshots = {}, madeOf }: PageQuery): Prisma.Sql {
  const conditions = [Prisma.sql`o."tenantId" = ${scope.tenantId}`, ...selector.map((requirement) => selectorSql(labelsOf(kind), requirement))]
  if (namespaced.includes(kind) && namespace !== undefined) conditions.push(Prisma.sql`o."namespace" = ${namespace}`)
  if (namespaced.includes(kind) && namespaces) conditions.push(Prisma.sql`o."namespace" = any(${[...namespaces]}::text[])`)
  if (ofNetwork.includes(kind) && networkId !== undefined) conditions.push(Prisma.sql`o."networkId" = ${networkId}::uuid`)
  if (kind === 'VolumeSnapshot') conditions.push(...ofSnapshots(scope, snapshots))
  if (kind === 'Volume' && madeOf !== undefined) conditions.push(Prisma.sql`o."sourceSnapshotUid" in (select "uid" from "VolumeSnapshot" where "tenantId" = ${scope.tenantId} and "name" = ${madeOf} and not "hidden")`)
  if (deleted !== undefined) conditions.push(deleted ? Prisma.sql`o."deletedAt" is not null` : Prisma.sql`o."deletedAt" is null`)
  if (hasPhase(kind) && phases.length > 0) conditions.push(ofPhases(kind, phases))
  if (search) conditions.push(kind === 'FloatingAddress' ? Prisma.sql`(position(${search.toLowerCase()} in o."name") > 0 or position(${search.toLowerCase()} in host(o."address")) > 0)` : Prisma.sql`position(${search.toLowerCase()} in o."name") > 0`)
  return Prisma.join(conditions, ' and ')
}

/** One page of a tenant's objects in the asked order (ties by uid), by uid, with the number of all that match. */
export async function pageObjects(db: Database, scope: Scope, kind: PagedKind, query: PageQuery): Promise<{ uids: string[]; total: number; next: { value: string; uid: string } | null }> {
  const key = sortKey(kind, query.sort)
  const [direction, beyond] = query.descending ? [Prisma.sql`desc`, Prisma.sql`<`] : [Prisma.sql`asc`, Prisma.sql`>`]
  const filter = filterOf(scope, kind, query)
  const from = query.after ? Prisma.sql`and (${key}, o."uid") ${beyond} (${query.after.value} collate "C", ${query.after.uid}::uuid)` : Prisma.empty
  const rows = await db.$queryRaw<{ uid: string; value: string }[]>`select o."uid", ${key} as value from ${tables[kind]} o where ${filter} ${from} order by ${key} ${direction}, o."uid" ${direction} limit ${query.limit + 1}`
  const total = await db.$queryRaw<{ count: number }[]>`select count(*)::int as count from ${tables[kind]} o where ${filter}`
  const asked = rows.slice(0, query.limit)
  const page = isLarge(kind) ? asked.slice(0, Math.max(1, await fitting(db, kind, asked.map(({ uid }) => uid)))) : asked
  const last = page[page.length - 1]
  return { uids: page.map(({ uid }) => uid), total: total[0]?.count ?? 0, next: rows.length > page.length && last ? last : null }
}

/** How many of these, in their order, have no more bytes than a page may. */
async function fitting(db: Database, kind: PagedKind, uids: string[]): Promise<number> {
  const rows = await db.$queryRaw<{ fit: number }[]>`
    select count(*) filter (where "sofar" <= ${mostBytes})::int as "fit" from (
      select sum(octet_length(o."spec"::text) + octet_length(o."annotations"::text)) over (order by asked."at") as "sofar"
      from unnest(${uids}::uuid[]) with ordinality as asked("uid", "at") join ${tables[kind]} o on o."uid" = asked."uid"
    ) sizes`
  return rows[0]?.fit ?? 0
}

/** How many objects of the kind the tenant has. */
export async function countObjects(tx: Database, scope: Scope, kind: PagedKind): Promise<number> {
  const rows = await tx.$queryRaw<{ count: number }[]>`select count(*)::int as count from ${tables[kind]} where "tenantId" = ${scope.tenantId}`
  return rows[0]?.count ?? 0
}

/** Rows in the order of their uids; what is gone meanwhile is left out. */
export function inOrder<R extends { uid: string }>(uids: readonly string[], rows: readonly R[]): R[] {
  const byUid = new Map(rows.map((row) => [row.uid, row]))
  return uids.flatMap((uid) => byUid.get(uid) ?? [])
}
