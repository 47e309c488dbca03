import { figureLevels } from '@/domain/figures/levels'
import type { Database } from './database'

export type VolumeNow = { tenant: string; name: string; host: string; readBytes: number | null; writtenBytes: number | null; reads: number | null; writes: number | null; readSeconds: number | null; writeSeconds: number | null; storedBytes: number | null }

/** What volumes do now, a second: of three intervals, so that one that is late leaves no hole. Those with most operations first. */
export const volumesNow = (db: Database, limit: number): Promise<VolumeNow[]> => db.$queryRaw<VolumeNow[]>`
  with recent as (
    select "seriesId", sum("coveredMs")::float8 / 1000 as seconds, sum("readBytes")::float8 as "readBytes", sum("writtenBytes")::float8 as "writtenBytes", sum("readOperations")::float8 as "reads", sum("writeOperations")::float8 as "writes",
      sum("readMicroseconds")::float8 / 1e6 as "readSeconds", sum("writeMicroseconds")::float8 / 1e6 as "writeSeconds", (array_agg("diskUsedMax" order by "at" desc))[1]::float8 as "storedBytes"
    from "Figure" where "resolution" = ${figureLevels[0].resolution} and "at" > now() - interval '35 seconds' and "seriesId" in (select "id" from "FigureSeries" where "kind" = 'Volume') group by 1)
  select t."slug" as "tenant", v."name", h."name" as "host", r."readBytes" / r.seconds as "readBytes", r."writtenBytes" / r.seconds as "writtenBytes", r."reads" / r.seconds as "reads", r."writes" / r.seconds as "writes",
    r."readSeconds" / nullif(r."reads", 0) as "readSeconds", r."writeSeconds" / nullif(r."writes", 0) as "writeSeconds", r."storedBytes"
  from recent r join "FigureSeries" s on s."id" = r."seriesId" join "Volume" v on v."uid" = s."objectUid" and v."deletedAt" is null join "Tenant" t on t."id" = v."tenantId" join "Host" h on h."id" = s."hostId"
  order by coalesce(r."reads", 0) + coalesce(r."writes", 0) desc, v."uid" limit ${limit}`

export type FilesystemNow = { tenant: string; name: string; host: string; totalBytes: number; usedBytes: number }
/** How full the file systems of volumes are, as the guests that have them for writing said last; the fullest first. */
export const filesystemsNow = (db: Database, limit: number): Promise<FilesystemNow[]> => db.$queryRaw<FilesystemNow[]>`
  select t."slug" as "tenant", v."name", h."name" as "host", (a."said" ->> 'fsBytes')::float8 as "totalBytes", (a."said" ->> 'usedBytes')::float8 as "usedBytes"
  from "Volume" v join "Tenant" t on t."id" = v."tenantId" join "Host" h on h."id" = v."hostId"
    cross join lateral (select one as "said" from jsonb_array_elements(case when jsonb_typeof(v."report" -> 'attachments') = 'array' then v."report" -> 'attachments' else '[]'::jsonb end) one
      where jsonb_typeof(one -> 'fsBytes') = 'number' and jsonb_typeof(one -> 'usedBytes') = 'number' limit 1) a
  where v."deletedAt" is null
  order by (a."said" ->> 'usedBytes')::float8 / nullif((a."said" ->> 'fsBytes')::float8, 0) desc nulls last, v."uid" limit ${limit}`

/** How full each store is, as each host said last. */
export async function storesNow(db: Database) {
  const rows = await db.volumeStoreHost.findMany({ include: { store: { select: { name: true } }, host: { select: { name: true } } }, orderBy: [{ storeId: 'asc' }, { hostId: 'asc' }], take: 5000 })
  return rows.map(({ store, host, reachable, totalBytes, freeBytes }) => ({ store: store.name, host: host.name, reachable, totalBytes, freeBytes }))
}
