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
