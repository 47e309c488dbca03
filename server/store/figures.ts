import { Prisma } from '@/generated/prisma/client'
import type { FiguresInput, Usage } from '@/contracts/host/v1/figures'
import { figureLevels, rawResolution } from '@/domain/figures/levels'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

type Given = Partial<Usage> & { kind: 'Pod' | 'Service' | 'Balancer' | 'Volume' | 'Host'; object: string; container: string; age: number; interval: number; connections?: number | null; requests?: number; errors4xx?: number; errors5xx?: number; failed?: number; active?: number; latency?: number[] | null; readOperations?: number | null; writeOperations?: number | null; readMicroseconds?: number | null; writeMicroseconds?: number | null }

/** The database's clock decides when something was, unless a test gives a time. */
const clock = (now: Date | null) => Prisma.sql`coalesce(${now}::timestamptz, now())`

/**
 * Stores a batch of a host: what is not of this host, of a pod or balancer bound to it, of a volume that it keeps or reads or of a service in whose network it has a pod is
 * left out. The intervals end `ageMs` before now. Returns how many rows were stored.
 */
export async function storeFigures(db: Database, hostId: string, batch: Pick<FiguresInput, 'host' | 'pods' | 'services' | 'balancers' | 'volumes'>, now: Date | null = null): Promise<number> {
  const rows: Given[] = batch.pods.flatMap(({ podUid, ageMs, intervalMs, vm, containers }) => [
    { ...vm, kind: 'Pod', object: podUid, container: '', age: ageMs, interval: intervalMs },
    ...containers.map(({ name, ...usage }) => ({ ...usage, kind: 'Pod' as const, object: podUid, container: name, age: ageMs, interval: intervalMs })),
  ])
  if (batch.host) rows.push({ ...batch.host, kind: 'Host', object: hostId, container: '', age: batch.host.ageMs, interval: batch.host.intervalMs })
  for (const { serviceUid, ageMs, intervalMs, ...counted } of batch.services ?? []) rows.push({ ...counted, kind: 'Service', object: serviceUid, container: '', age: ageMs, interval: intervalMs })
  for (const { balancerUid, part, ageMs, intervalMs, activeConnections, ...counted } of batch.balancers ?? []) rows.push({ ...counted, kind: 'Balancer', object: balancerUid, container: part, age: ageMs, interval: intervalMs, active: activeConnections })
  for (const { volumeUid, ageMs, intervalMs, storedBytes, ...counted } of batch.volumes ?? []) rows.push({ ...counted, kind: 'Volume', object: volumeUid, container: '', age: ageMs, interval: intervalMs, diskUsedBytes: storedBytes })
  if (rows.length === 0) return 0
  const given = Prisma.sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as g("kind" text, "object" uuid, "container" text, "age" int, "interval" int, "cpuMicroseconds" bigint,
    "memoryBytes" bigint, "readBytes" bigint, "writtenBytes" bigint, "receivedBytes" bigint, "sentBytes" bigint, "diskUsedBytes" bigint, "connections" bigint, "requests" bigint, "errors4xx" bigint, "errors5xx" bigint, "failed" bigint, "active" bigint, "latency" bigint[], "readOperations" bigint, "writeOperations" bigint, "readMicroseconds" bigint, "writeMicroseconds" bigint)`
  await db.$executeRaw`
    insert into "FigureSeries" ("kind", "objectUid", "container", "tenantId", "namespace", "name", "hostId", "firstAt")
    select g."kind", g."object", g."container", coalesce(p."tenantId", v."tenantId", b."tenantId", w."tenantId"), coalesce(p."namespace", v."namespace", b."namespace", ''), coalesce(p."name", v."name", b."name", w."name", h."name"), h."id", ${clock(now)}
    from ${given} join "Host" h on h."id" = ${hostId}::uuid left join "Pod" p on g."kind" = 'Pod' and p."uid" = g."object" and p."hostId" = h."id"
    left join "Service" v on g."kind" = 'Service' and v."uid" = g."object" and exists (select 1 from "Pod" o where o."networkId" = v."networkId" and o."hostId" = h."id")
    left join "LoadBalancer" b on g."kind" = 'Balancer' and b."uid" = g."object" and b."hostId" = h."id"
    left join "Volume" w on g."kind" = 'Volume' and w."uid" = g."object" and (w."hostId" = h."id" or exists (select 1 from "VolumeAttachment" t where t."volumeUid" = w."uid" and t."hostId" = h."id"))
    where (p."uid" is not null or v."uid" is not null or b."uid" is not null or w."uid" is not null or (g."kind" = 'Host' and g."object" = h."id")) and not exists (select 1 from "FigureSeries" s where s."objectUid" = g."object" and s."container" = g."container" and s."hostId" = h."id")
    on conflict do nothing`
  return db.$executeRaw`
    insert into "Figure" ("seriesId", "resolution", "at", "coveredMs", "samples", "cpuMicroseconds", "cpuPeakMilli", "memorySum", "memorySamples", "memoryMax", "readBytes", "writtenBytes", "receivedBytes", "sentBytes", "diskUsedMax", "connections", "requests", "errors4xx", "errors5xx", "failed", "activeSum", "latency", "readOperations", "writeOperations", "readMicroseconds", "writeMicroseconds")
    select s."id", ${rawResolution}, ${clock(now)} - g."age" * interval '1 millisecond', g."interval", 1, g."cpuMicroseconds", g."cpuMicroseconds" / g."interval", g."memoryBytes",
      case when g."memoryBytes" is null then 0 else 1 end, g."memoryBytes", g."readBytes", g."writtenBytes", g."receivedBytes", g."sentBytes", g."diskUsedBytes", g."connections", g."requests", g."errors4xx", g."errors5xx", g."failed", g."active", g."latency", g."readOperations", g."writeOperations", g."readMicroseconds", g."writeMicroseconds"
    from ${given} join "FigureSeries" s on s."objectUid" = g."object" and s."container" = g."container" and s."hostId" = ${hostId}::uuid and (s."kind" = g."kind" or s."tenantId" is null)
    on conflict do nothing`
}

/** Sums and maxima over the rows of a group: the same whether they are raw or rolled before. */
const summed = Prisma.sql`sum("coveredMs")::bigint as "coveredMs", sum("samples")::int as "samples", sum("cpuMicroseconds")::bigint as "cpuMicroseconds", max("cpuPeakMilli") as "cpuPeakMilli",
  sum("memorySum")::bigint as "memorySum", sum("memorySamples")::int as "memorySamples", max("memoryMax") as "memoryMax", sum("readBytes")::bigint as "readBytes", sum("writtenBytes")::bigint as "writtenBytes",
  sum("receivedBytes")::bigint as "receivedBytes", sum("sentBytes")::bigint as "sentBytes", max("diskUsedMax") as "diskUsedMax", sum("connections")::bigint as "connections",
  sum("requests")::bigint as "requests", sum("errors4xx")::bigint as "errors4xx", sum("errors5xx")::bigint as "errors5xx", sum("failed")::bigint as "failed", sum("activeSum")::bigint as "activeSum", sum_counts("latency") as "latency",
  sum("readOperations")::bigint as "readOperations", sum("writeOperations")::bigint as "writeOperations", sum("readMicroseconds")::bigint as "readMicroseconds", sum("writeMicroseconds")::bigint as "writeMicroseconds"`

const bin = (seconds: number) => Prisma.sql`date_bin(make_interval(secs => ${seconds}), "at", timestamptz 'epoch')`

/** How much time is rolled or removed at once: after a long pause the work is done bit by bit. */
const chunk = Prisma.sql`interval '2 hours'`
const oldest = (resolution: number, from: Date) => Prisma.sql`(select min("at") from "Figure" where "resolution" = ${resolution} and "at" >= ${from})`

/** What a host may be late with; a bucket is rolled once, after that. */
const lateSeconds = 90

/**
 * Makes each level from the finer one, up to the last bucket that is complete, and remembers how far. A second caller
 * waits, and finds nothing left to do. After a pause it takes several calls. Returns how many rows were made.
 */
export async function rollFigures(tx: Database, now: Date | null = null): Promise<number> {
  let made = 0
  for (const [i, { resolution }] of figureLevels.entries()) {
    const finer = figureLevels[i - 1]
    if (!finer) continue
    await tx.$executeRaw`insert into "FigureRollup" ("resolution", "rolledTo") values (${resolution}, 'epoch') on conflict do nothing`
    const [level] = await tx.$queryRaw<{ from: Date; to: Date }[]>`
      select r."rolledTo" as "from", date_bin(make_interval(secs => ${resolution}), coalesce((select f."rolledTo" from "FigureRollup" f where f."resolution" = ${finer.resolution}), ${clock(now)} - make_interval(secs => ${lateSeconds})), timestamptz 'epoch') as "to"
      from "FigureRollup" r where r."resolution" = ${resolution} for update of r`
    if (!level || level.to <= level.from) continue
    const [bound] = await tx.$queryRaw<{ to: Date }[]>`select least(${level.to}, date_bin(make_interval(secs => ${resolution}), coalesce(${oldest(finer.resolution, level.from)}, ${level.to}), timestamptz 'epoch') + ${chunk}) as "to"`
    const to = bound?.to ?? level.to
    made += await tx.$executeRaw`
      insert into "Figure" ("seriesId", "resolution", "at", "coveredMs", "samples", "cpuMicroseconds", "cpuPeakMilli", "memorySum", "memorySamples", "memoryMax", "readBytes", "writtenBytes", "receivedBytes", "sentBytes", "diskUsedMax", "connections", "requests", "errors4xx", "errors5xx", "failed", "activeSum", "latency", "readOperations", "writeOperations", "readMicroseconds", "writeMicroseconds")
      select "seriesId", ${resolution}, ${bin(resolution)} as "bucket", ${summed} from "Figure" where "resolution" = ${finer.resolution} and "at" >= ${level.from} and "at" < ${to} group by "seriesId", "bucket"
      on conflict ("seriesId", "resolution", "at") do nothing`
    await tx.$executeRaw`update "FigureRollup" set "rolledTo" = ${to} where "resolution" = ${resolution}`
  }
  return made
}

/** Removes what has served its time, but nothing that was not rolled into the next level; then series without a figure. Returns how many rows went: none once all is done. */
export async function pruneFigures(tx: Database, now: Date | null = null): Promise<number> {
  let removed = 0
  for (const [i, { resolution, keep }] of figureLevels.entries()) {
    const coarser = figureLevels[i + 1]
    const rolled = coarser ? Prisma.sql`and "at" < coalesce((select "rolledTo" from "FigureRollup" where "resolution" = ${coarser.resolution}), timestamptz 'epoch')` : Prisma.empty
    removed += await tx.$executeRaw`delete from "Figure" where "resolution" = ${resolution} and "at" < ${clock(now)} - make_interval(secs => ${keep}) and "at" < ${oldest(resolution, new Date(0))} + ${chunk} ${rolled}`
  }
  await tx.$executeRaw`delete from "FigureSeries" s where s."firstAt" < ${clock(now)} - interval '1 hour' and not exists (select 1 from "Figure" f where f."seriesId" = s."id")`
  return removed
}

export type Series = { id: number; container: string }

/** The series of the newest pod of that name, also of one that is gone; its VM's first. None where nothing was ever measured. */
export const findPodSeries = (db: Database, scope: Scope, namespace: string, name: string): Promise<Series[]> => db.$queryRaw<Series[]>`
  select "id", "container" from "FigureSeries" where "objectUid" = (
    select "objectUid" from "FigureSeries" where "kind" = 'Pod' and "tenantId" = ${scope.tenantId} and "namespace" = ${namespace} and "name" = ${name} order by "firstAt" desc, "id" desc limit 1)
  and "tenantId" = ${scope.tenantId} order by "container" collate "C" limit 100`

/** The series of the newest service of that name, one a host. */
export const findServiceSeries = (db: Database, scope: Scope, namespace: string, name: string): Promise<{ id: number }[]> => db.$queryRaw<{ id: number }[]>`
  select "id" from "FigureSeries" where "objectUid" = (
    select "objectUid" from "FigureSeries" where "kind" = 'Service' and "tenantId" = ${scope.tenantId} and "namespace" = ${namespace} and "name" = ${name} order by "firstAt" desc, "id" desc limit 1)
  and "tenantId" = ${scope.tenantId} order by "id" limit 1000`

/** The series of a part of the newest balancer of that name, one a host: of that which a service or an ingress has now, else of the last that there was. */
export const findBalancerSeries = (db: Database, scope: Scope, { source, namespace, name, part }: { source: string; namespace: string; name: string; part: string }): Promise<{ id: number }[]> => db.$queryRaw<{ id: number }[]>`
  select "id" from "FigureSeries" where "container" = ${part} and "tenantId" = ${scope.tenantId} and "objectUid" = coalesce(
    (select "uid" from "LoadBalancer" where "tenantId" = ${scope.tenantId} and "source" = ${source} and "namespace" = ${namespace} and "name" = ${name}),
    (select "objectUid" from "FigureSeries" where "kind" = 'Balancer' and "tenantId" = ${scope.tenantId} and "namespace" = ${namespace} and "name" = ${name} order by "firstAt" desc, "id" desc limit 1)) order by "id" limit 1000`

/** The series of a volume, one a host: of that which has the name now, else of the last that there was. */
export const findVolumeSeries = (db: Database, scope: Scope, name: string): Promise<{ id: number }[]> => db.$queryRaw<{ id: number }[]>`
  select "id" from "FigureSeries" where "tenantId" = ${scope.tenantId} and "objectUid" = coalesce(
    (select "uid" from "Volume" where "tenantId" = ${scope.tenantId} and "name" = ${name} order by "deletedAt" desc nulls first limit 1),
    (select "objectUid" from "FigureSeries" where "kind" = 'Volume' and "tenantId" = ${scope.tenantId} and "name" = ${name} order by "firstAt" desc, "id" desc limit 1)) order by "id" limit 1000`

export const volumeExists = async (db: Database, scope: Scope, name: string): Promise<boolean> => (await db.volume.count({ where: { tenantId: scope.tenantId, name } })) > 0

export const balancerExists = async (db: Database, scope: Scope, source: string, namespace: string, name: string): Promise<boolean> => (await db.loadBalancer.count({ where: { tenantId: scope.tenantId, source, namespace, name } })) > 0

/** Whether the tenant has a service of that name now. */
export const serviceExists = async (db: Database, scope: Scope, namespace: string, name: string): Promise<boolean> => (await db.service.count({ where: { tenantId: scope.tenantId, namespace, name } })) > 0

export type FigureRow = {
  seriesId: number; at: Date; coveredMs: bigint; cpuMicroseconds: bigint | null; cpuPeakMilli: number | null; memorySum: bigint | null; memorySamples: number; memoryMax: bigint | null
  readBytes: bigint | null; writtenBytes: bigint | null; receivedBytes: bigint | null; sentBytes: bigint | null; diskUsedMax: bigint | null; connections: bigint | null
  samples: number; requests: bigint | null; errors4xx: bigint | null; errors5xx: bigint | null; failed: bigint | null; activeSum: bigint | null; latency: bigint[] | null
  readOperations: bigint | null; writeOperations: bigint | null; readMicroseconds: bigint | null; writeMicroseconds: bigint | null
}

/**
 * Rows of these series in bins of `step` seconds from the level `resolution`, with what has not been rolled into it yet
 * from the finer ones; a bin without a row is a gap. Raw rows keep their own times, unless they shall be `aligned`, so that
 * those of several hosts can be added.
 */
export async function readFigures(db: Database, seriesIds: number[], range: { seconds: number; resolution: number; step: number; aligned?: boolean }, now: Date | null = null): Promise<FigureRow[]> {
  if (seriesIds.length === 0) return []
  const levels = figureLevels.filter((level) => level.resolution <= range.resolution).reverse()
  const rolledTo = (resolution: number) => Prisma.sql`coalesce((select "rolledTo" from "FigureRollup" where "resolution" = ${resolution}), timestamptz 'epoch')`
  const parts = levels.map(({ resolution }, i) => {
    const coarser = levels[i - 1]
    const after = coarser ? Prisma.sql`and "at" >= ${rolledTo(coarser.resolution)}` : Prisma.empty
    const before = resolution === rawResolution ? Prisma.empty : Prisma.sql`and "at" < ${rolledTo(resolution)}`
    return Prisma.sql`select * from "Figure" where "seriesId" = any(${seriesIds}) and "resolution" = ${resolution} and "at" >= date_bin(make_interval(secs => ${range.step}), ${clock(now)} - make_interval(secs => ${range.seconds}), timestamptz 'epoch') ${after} ${before}`
  })
  const bucket = range.step === rawResolution && !range.aligned ? Prisma.sql`"at"` : bin(range.step)
  return db.$queryRaw<FigureRow[]>`select "seriesId", ${bucket} as "at", ${summed} from (${Prisma.join(parts, ' union all ')}) f group by 1, 2 order by 2, 1`
}
