import { Prisma } from '@/generated/prisma/client'
import { rawResolution } from '@/domain/figures/levels'
import type { TopSort } from '@/domain/figures/view'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type TopRow = { uid: string; tenant: string; namespace: string; name: string; host: string; cpuMilli: number | null; memoryBytes: number | null; diskBytesPerSecond: number | null; diskUsedBytes: number | null; networkBytesPerSecond: number | null }
export type TopPage = { sort: TopSort; descending: boolean; limit: number; offset: number }

/** "Now" is the mean of so many seconds: three intervals, so that one that is late leaves no hole. */
const nowSeconds = 35

const columns: Record<TopSort, Prisma.Sql> = {
  cpu: Prisma.sql`"cpuMilli"`,
  memory: Prisma.sql`"memoryBytes"`,
  disk: Prisma.sql`"diskBytesPerSecond"`,
  network: Prisma.sql`"networkBytesPerSecond"`,
  name: Prisma.sql`"name" collate "C"`,
}

/** With a tenant, of its pods alone: others' figures are not read. */
const recent = (now: Date | null, tenantId: string | null = null) => Prisma.sql`
  select "seriesId", sum("cpuMicroseconds")::float8 / sum("coveredMs")::float8 as "cpuMilli",
    (array_agg("memoryMax" order by "at" desc) filter (where "memoryMax" is not null))[1]::float8 as "memoryBytes",
    (sum("readBytes") + sum("writtenBytes"))::float8 * 1000 / sum("coveredMs")::float8 as "diskBytesPerSecond",
    (array_agg("diskUsedMax" order by "at" desc) filter (where "diskUsedMax" is not null))[1]::float8 as "diskUsedBytes",
    (sum("receivedBytes") + sum("sentBytes"))::float8 * 1000 / sum("coveredMs")::float8 as "networkBytesPerSecond"
  from "Figure" where "resolution" = ${rawResolution} and "at" > coalesce(${now}::timestamptz, now()) - make_interval(secs => ${nowSeconds})
  ${tenantId === null ? Prisma.empty : Prisma.sql`and "seriesId" in (select "id" from "FigureSeries" where "tenantId" = ${tenantId} and "kind" = 'Pod' and "container" = '')`} group by "seriesId"`

const podsNow = (tenantId: string | null, now: Date | null) => Prisma.sql`
  select s."objectUid" as "uid", t."slug" as "tenant", s."namespace", s."name", h."name" as "host", r."cpuMilli", r."memoryBytes", r."diskBytesPerSecond", r."diskUsedBytes", r."networkBytesPerSecond"
  from (${recent(now, tenantId)}) r join "FigureSeries" s on s."id" = r."seriesId" and s."container" = '' join "Pod" p on p."uid" = s."objectUid" join "Tenant" t on t."id" = p."tenantId" join "Host" h on h."id" = s."hostId"
  ${tenantId === null ? Prisma.empty : Prisma.sql`where s."tenantId" = ${tenantId}`}`

async function page(db: Database, source: Prisma.Sql, { sort, descending, limit, offset }: TopPage): Promise<{ rows: TopRow[]; total: number }> {
  const direction = descending ? Prisma.sql`desc nulls last` : Prisma.sql`asc nulls last`
  const rows = await db.$queryRaw<(TopRow & { total: bigint })[]>`select *, count(*) over () as "total" from (${source}) q order by ${columns[sort]} ${direction}, "uid" limit ${limit} offset ${offset}`
  return { rows, total: Number(rows[0]?.total ?? 0) }
}

/** A page of the tenant's pods by what they use now; only pods that were measured within {@link nowSeconds}. */
export const topPods = (db: Database, scope: Scope, query: TopPage, now: Date | null = null) => page(db, podsNow(scope.tenantId, now), query)

/** Of all tenants, for operators and their metrics. */
export const topFleetPods = (db: Database, query: TopPage, now: Date | null = null) => page(db, podsNow(null, now), query)

/** Hosts by what they use now, those that were not measured included; the network is that of their pods. */
export const topHosts = (db: Database, query: TopPage, now: Date | null = null) => page(db, Prisma.sql`
  with recent as (${recent(now)})
  select h."id" as "uid", '' as "tenant", '' as "namespace", h."name", h."name" as "host", r."cpuMilli", r."memoryBytes", n."disk" as "diskBytesPerSecond", r."diskUsedBytes", n."network" as "networkBytesPerSecond"
  from "Host" h left join "FigureSeries" s on s."objectUid" = h."id" and s."tenantId" is null and s."container" = '' left join recent r on r."seriesId" = s."id"
  left join (select ps."hostId", sum(pr."diskBytesPerSecond") as "disk", sum(pr."networkBytesPerSecond") as "network" from recent pr join "FigureSeries" ps on ps."id" = pr."seriesId" and ps."container" = '' and ps."kind" = 'Pod' group by 1) n on n."hostId" = h."id"`, query)
