import type { PodReport } from '@/contracts/host/v1'
import { startParts, startWaterfall, type Waterfall } from '@/domain/pod/waterfall'
import { Prisma } from '@/generated/prisma/client'
import type { Scope } from '@/server/auth/scope'
import type { Database } from './database'

type NewStart = { uid: string; tenantId: string; namespace: string; name: string; image: string; accelerator: string; createdAt: Date; boundAt: Date | null; told: Date; startedBefore: boolean }
export type RecordedStart = { mode: string; first: boolean; waterfall: Waterfall }

/** No pod starts for so long, and no start is told of that lies so far off. */
const longestMs = 30 * 86_400_000

/**
 * Keeps the starts that these reports tell of for the first time; call it before the reports are stored, for what the last
 * one said of an earlier start. Only the gateway calls this. Returns what was new.
 */
export async function recordStarts(db: Database, hostId: string, reports: readonly PodReport[]): Promise<RecordedStart[]> {
  const told = reports.flatMap((report) => {
    const at = report.startedAt === null ? NaN : Date.parse(report.startedAt)
    return Math.abs(at - Date.now()) < longestMs ? [{ report, at }] : []
  })
  if (told.length === 0) return []
  const rows = await db.$queryRaw<NewStart[]>`
    select p."uid", p."tenantId", p."namespace", p."name", coalesce(p."spec" -> 'containers' -> 0 ->> 'image', '') as "image", coalesce(h."hello" ->> 'accelerator', '') as "accelerator", p."createdAt", p."boundAt", clock_timestamp() as "told",
      (exists (select 1 from "PodStart" s where s."podUid" = p."uid") or coalesce(r."document" ->> 'startedAt', g."startedText") <> g."startedText") as "startedBefore"
    from jsonb_to_recordset(${JSON.stringify(told.map(({ report, at }) => ({ uid: report.uid, started: new Date(at), startedText: report.startedAt })))}::jsonb) as g("uid" uuid, "started" timestamptz(3), "startedText" text)
    join "Pod" p on p."uid" = g."uid" and p."hostId" = ${hostId}::uuid join "Host" h on h."id" = p."hostId" left join "PodReport" r on r."podUid" = p."uid"
    where not exists (select 1 from "PodStart" s where s."podUid" = p."uid" and s."startedAt" = g."started")`
  const news = rows.flatMap((row) => {
    const found = told.find(({ report }) => report.uid === row.uid)
    return found ? [toStart(row, hostId, found.report, found.at)] : []
  })
  await db.podStart.createMany({ data: news.map(({ data }) => data), skipDuplicates: true })
  return news.map(({ recorded }) => recorded)
}

function toStart(row: NewStart, hostId: string, report: PodReport, startedAt: number) {
  const first = !row.startedBefore
  const waterfall = startWaterfall({ createdAt: first ? row.createdAt.getTime() : null, boundAt: row.boundAt?.getTime() ?? null, steps: report.startSteps, startedAt, toldAt: row.told.getTime() })
  const mode = report.startMode ?? 'unknown'
  const { uid, tenantId, namespace, name, image, accelerator } = row
  const steps = report.startSteps.slice(0, 60)
  const whole = { wholeMs: Math.min(waterfall.wholeMs, 2 ** 31 - 1), shiftMs: Math.max(-(2 ** 31), Math.min(waterfall.shiftMs, 2 ** 31 - 1)) }
  const data = { podUid: uid, tenantId, namespace, name, image, accelerator, hostId, mode, first, beganAt: new Date(waterfall.beganAt), startedAt: new Date(startedAt), ...whole, parts: waterfall.parts, spans: waterfall.spans, steps }
  return { data, recorded: { mode, first, waterfall } }
}

/** The newest pod of that name: its starts, newest first. */
export const listStarts = (db: Database, scope: Scope, namespace: string, name: string, limit: number) => db.$queryRaw<StartRow[]>`
  select s."id", s."first", s."beganAt", s."startedAt", s."image", coalesce(h."name", '') as "host", s."mode", s."accelerator", s."wholeMs", s."parts", s."spans", s."steps", s."shiftMs"
  from "PodStart" s left join "Host" h on h."id" = s."hostId"
  where s."tenantId" = ${scope.tenantId} and s."podUid" = (select "podUid" from "PodStart" where "tenantId" = ${scope.tenantId} and "namespace" = ${namespace} and "name" = ${name} order by "startedAt" desc limit 1)
  order by s."startedAt" desc limit ${limit}`
export type StartRow = { id: bigint; first: boolean; beganAt: Date; startedAt: Date; image: string; host: string; mode: string; accelerator: string; wholeMs: number; parts: unknown; spans: unknown; steps: unknown; shiftMs: number }

export type PercentileRow = { image: string; host: string | null; mode: string; count: bigint; p50: number; p90: number; p95: number; parts: unknown }

const medians = Prisma.sql`jsonb_build_object(${Prisma.join(startParts.map((part) => Prisma.sql`${part}::text, percentile_cont(0.5) within group (order by (s."parts" ->> ${part})::float8)`))}) as "parts"`
const percentiles = Prisma.sql`s."mode", count(*) as "count", percentile_cont(0.5) within group (order by s."wholeMs") as "p50", percentile_cont(0.9) within group (order by s."wholeMs") as "p90", percentile_cont(0.95) within group (order by s."wholeMs") as "p95", ${medians}`

/** Of the tenant's starts in the last `days`, a row an image and mode, those with the most starts first. First starts alone: later ones have no queue. */
export const tenantPercentiles = (db: Database, scope: Scope, days: number, limit: number) => db.$queryRaw<PercentileRow[]>`
  select s."image", null as "host", ${percentiles} from "PodStart" s where s."tenantId" = ${scope.tenantId} and s."first" and s."startedAt" > now() - make_interval(days => ${days}) group by s."image", s."mode" order by count(*) desc, s."image", s."mode" limit ${limit}`

/** Of all tenants' starts, a row an image, host and mode. */
export const fleetPercentiles = (db: Database, days: number, limit: number) => db.$queryRaw<PercentileRow[]>`
  select s."image", coalesce(h."name", '') as "host", ${percentiles} from "PodStart" s left join "Host" h on h."id" = s."hostId" where s."first" and s."startedAt" > now() - make_interval(days => ${days}) group by s."image", h."name", s."mode" order by count(*) desc, s."image", 2, s."mode" limit ${limit}`

/** After 30 days; the last start of a pod that is still there is kept, by which a later one is known to be no first. */
export const pruneStarts = (db: Database) => db.$executeRaw`
  delete from "PodStart" s where s."startedAt" < now() - interval '30 days'
  and (exists (select 1 from "PodStart" n where n."podUid" = s."podUid" and n."startedAt" > s."startedAt") or not exists (select 1 from "Pod" p where p."uid" = s."podUid"))`
