import { Prisma } from '@/generated/prisma/client'
import type { PodState } from '@/domain/pod/status'
import type { Requirement } from '@/domain/shared/label-selector'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'
import { loadPods, type PodRecord } from './pods'
import { selectorSql } from './selector-sql'

export const podSorts = ['name', 'namespace', 'state', 'restarts', 'created', 'host'] as const
export type PodSort = (typeof podSorts)[number]
/** Where a page ends: the sort's value of its last row, and that row's uid for equal ones. */
export type PodPageEnd = { value: string; uid: string }

export type PodQuery = {
  namespace?: string | undefined
  /** Words that all stand in a pod's namespace, name or images. */
  words?: readonly string[] | undefined
  states?: readonly PodState[] | undefined
  selector?: readonly Requirement[] | undefined
  /** The name of a host. */
  host?: string | undefined
  sort: PodSort
  descending: boolean
  limit: number
  after?: PodPageEnd | undefined
}

// The silent hosts are few and read once: joined, they were compared with each of thousands of pods.
const isSilent = Prisma.sql`e."hostId" = any((select array(select "id" from "Host" where "phase" = 'Unknown'))::uuid[])`
const state = Prisma.sql`(case when e."hostDecides" and ${isSilent} then 'Unknown' else e."state" end) collate "C"`

/** What each sort compares, its type for a cursor's value, and how that value is written. */
const sorts: Record<PodSort, { key: Prisma.Sql; type: Prisma.Sql; written?: Prisma.Sql }> = {
  name: { key: Prisma.sql`e."name"`, type: Prisma.sql`text` },
  namespace: { key: Prisma.sql`e."namespace"`, type: Prisma.sql`text` },
  state: { key: state, type: Prisma.sql`text` },
  restarts: { key: Prisma.sql`e."restarts"`, type: Prisma.sql`int` },
  created: { key: Prisma.sql`e."createdAt"`, type: Prisma.sql`timestamptz`, written: Prisma.sql`to_char("key" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')` },
  host: { key: Prisma.sql`coalesce(h."name", '') collate "C"`, type: Prisma.sql`text` },
}

function filterOf(scope: Scope, { namespace, words = [], states = [], selector = [], host }: PodQuery): Prisma.Sql {
  return Prisma.join([
    Prisma.sql`e."tenantId" = ${scope.tenantId}`,
    ...(namespace ? [Prisma.sql`e."namespace" = ${namespace}`] : []),
    ...words.map((word) => Prisma.sql`position(${word.toLowerCase()} in e."searchText") > 0`),
    ...(states.length > 0 ? [Prisma.sql`${state} in (${Prisma.join([...states])})`] : []),
    ...(host ? [Prisma.sql`e."hostId" in (select "id" from "Host" where "name" = ${host})`] : []),
    ...selector.map((requirement) => selectorSql(Prisma.sql`e."labels"`, requirement)),
  ], ' and ')
}

/** One page of a tenant's pods in the asked order (ties by uid), with the number of all that match: one statement, so both are of one moment. */
export async function pagePods(db: Database, scope: Scope, query: PodQuery): Promise<{ records: PodRecord[]; total: number; next: PodPageEnd | null }> {
  const { key, type, written = Prisma.sql`"key"::text` } = sorts[query.sort]
  const [direction, beyond] = query.descending ? [Prisma.sql`desc`, Prisma.sql`<`] : [Prisma.sql`asc`, Prisma.sql`>`]
  const from = query.after ? Prisma.sql`where ("key", "podUid") ${beyond} (${query.after.value}::${type}, ${query.after.uid}::uuid)` : Prisma.empty
  // Filters that read every row's text or labels are worth doing once; others let an index give the page.
  const once = (query.words?.length ?? 0) + (query.selector?.length ?? 0) > 0 ? Prisma.empty : Prisma.sql`not`
  const rows = await db.$queryRaw<{ total: number; uid: string | null; value: string | null }[]>`
    with matching as ${once} materialized (
      select e."podUid", ${key} as "key" from "PodListEntry" e ${query.sort === 'host' ? Prisma.sql`left join "Host" h on h."id" = e."hostId"` : Prisma.empty} where ${filterOf(scope, query)}
    )
    select t.total, p.uid, p.value from (select count(*)::int as total from matching) t
    left join (
      select "podUid" as uid, ${written} as value, row_number() over (order by "key" ${direction}, "podUid" ${direction}) as place
      from (select * from matching ${from} order by "key" ${direction}, "podUid" ${direction} limit ${query.limit + 1}) page
    ) p on true order by p.place`
  const found = rows.flatMap(({ uid, value }) => (uid !== null && value !== null ? [{ uid, value }] : []))
  const page = found.slice(0, query.limit)
  const last = page[page.length - 1]
  return { records: await loadPods(db, scope, page.map((row) => row.uid)), total: rows[0]?.total ?? 0, next: found.length > query.limit && last ? last : null }
}
