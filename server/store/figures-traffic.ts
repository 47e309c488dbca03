import { Prisma } from '@/generated/prisma/client'
import { figureLevels } from '@/domain/figures/levels'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

export type TrafficRow = { kind: 'Pod' | 'Service'; uid: string; namespace: string; name: string; receivedBytes: bigint; sentBytes: bigint; connections: bigint | null; total: bigint }

/**
 * What each pod and service of the tenant received and sent over a range, the most first, those that are gone included: of the level
 * `resolution`, with what has not been rolled into it yet from the finer ones.
 */
export function sumTraffic(db: Database, scope: Scope, { seconds, resolution }: { seconds: number; resolution: number }, limit: number, now: Date | null = null): Promise<TrafficRow[]> {
  const levels = figureLevels.filter((level) => level.resolution <= resolution).reverse()
  const rolledTo = (level: number) => Prisma.sql`coalesce((select "rolledTo" from "FigureRollup" where "resolution" = ${level}), timestamptz 'epoch')`
  const parts = levels.map((level, i) => {
    const coarser = levels[i - 1]
    const after = coarser ? Prisma.sql`and f."at" >= ${rolledTo(coarser.resolution)}` : Prisma.empty
    const before = level === figureLevels[0] ? Prisma.empty : Prisma.sql`and f."at" < ${rolledTo(level.resolution)}`
    return Prisma.sql`select f."seriesId", f."receivedBytes", f."sentBytes", f."connections" from "Figure" f join own on own."id" = f."seriesId"
      where f."resolution" = ${level.resolution} and f."at" >= coalesce(${now}::timestamptz, now()) - make_interval(secs => ${seconds}) ${after} ${before}`
  })
  return db.$queryRaw<TrafficRow[]>`
    with own as (select "id", "kind", "objectUid", "namespace", "name" from "FigureSeries" where "tenantId" = ${scope.tenantId} and "container" = '' and "kind" in ('Pod', 'Service')),
    summed as (select o."kind", o."objectUid" as "uid", o."namespace", o."name", coalesce(sum(f."receivedBytes"), 0)::bigint as "receivedBytes", coalesce(sum(f."sentBytes"), 0)::bigint as "sentBytes", sum(f."connections")::bigint as "connections"
      from (${Prisma.join(parts, ' union all ')}) f join own o on o."id" = f."seriesId" group by 1, 2, 3, 4)
    select *, count(*) over () as "total" from summed order by "receivedBytes" + "sentBytes" desc, "uid" limit ${limit}`
}

/** `part`: the name of a rule or a backend, or nothing for the whole. */
export type BalancerNow = { tenant: string; namespace: string; name: string; source: string; part: string; host: string; requests: number | null; errors4xx: number | null; errors5xx: number | null; failed: number | null; connections: number | null; receivedBytes: number | null; sentBytes: number | null; active: number | null; latency: bigint[] | null }

/** What passes through balancers now, a second: of three intervals, so that one that is late leaves no hole. Those with most requests first. */
export const balancersNow = (db: Database, of: 'whole' | 'rule' | 'backend', limit: number): Promise<BalancerNow[]> => db.$queryRaw<BalancerNow[]>`
  with recent as (
    select "seriesId", sum("coveredMs")::float8 / 1000 as seconds, sum("requests")::float8 as "requests", sum("errors4xx")::float8 as "errors4xx", sum("errors5xx")::float8 as "errors5xx", sum("failed")::float8 as "failed",
      sum("connections")::float8 as "connections", sum("receivedBytes")::float8 as "receivedBytes", sum("sentBytes")::float8 as "sentBytes", (array_agg("activeSum" order by "at" desc))[1]::float8 as "active", sum_counts("latency") as "latency"
    from "Figure" where "resolution" = ${figureLevels[0].resolution} and "at" > now() - interval '35 seconds' and "seriesId" in (select "id" from "FigureSeries" where "kind" = 'Balancer' and ${of === 'whole' ? Prisma.sql`"container" = ''` : Prisma.sql`starts_with("container", ${`${of}/`})`}) group by 1)
  select t."slug" as "tenant", b."namespace", b."name", b."source", split_part(s."container", '/', 2) as "part", h."name" as "host", r."requests" / r.seconds as "requests", r."errors4xx" / r.seconds as "errors4xx", r."errors5xx" / r.seconds as "errors5xx", r."failed" / r.seconds as "failed",
    r."connections" / r.seconds as "connections", r."receivedBytes" / r.seconds as "receivedBytes", r."sentBytes" / r.seconds as "sentBytes", r."active", r."latency"
  from recent r join "FigureSeries" s on s."id" = r."seriesId" join "LoadBalancer" b on b."uid" = s."objectUid" join "Tenant" t on t."id" = b."tenantId" join "Host" h on h."id" = s."hostId"
  order by r."requests" desc nulls last, b."uid", s."container" limit ${limit}`
