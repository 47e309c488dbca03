import type { StoreTenantUsage } from '@/domain/volume-store/usage'
import { Prisma } from '@/generated/prisma/client'
import type { Database } from './database'

/** Where a page ends. */
export type UsageEnd = { allocated: string; tenantId: string }
type Part = 'volumes' | 'snapshots' | 'deleted'
type Row = Record<`${Part}Count`, number> & Record<`${Part}Provisioned` | `${Part}Allocated` | 'allocated', bigint> & { tenantId: string; slug: string; name: string; total: number }

const sums = (part: Part): Prisma.Sql => Prisma.sql`
  (count(*) filter (where "part" = ${part}))::int as ${Prisma.raw(`"${part}Count"`)},
  coalesce(sum("provisioned") filter (where "part" = ${part}), 0)::bigint as ${Prisma.raw(`"${part}Provisioned"`)},
  coalesce(sum("allocated") filter (where "part" = ${part}), 0)::bigint as ${Prisma.raw(`"${part}Allocated"`)}`

/** What tenants have in a store, whoever takes most of it first (ties by the tenant's id): a page of it, and of how many tenants. For operators. */
export async function pageStoreUsage(db: Database, storeId: string, { limit, after }: { limit: number; after?: UsageEnd | undefined }): Promise<{ items: StoreTenantUsage[]; total: number; next: UsageEnd | null }> {
  const from = after ? Prisma.sql`where (u."allocated", u."tenantId") < (${after.allocated}::bigint, ${after.tenantId})` : Prisma.empty
  const rows = await db.$queryRaw<Row[]>`
    with "kept" as (
      select "tenantId", case when "deletedAt" is null then 'volumes' else 'deleted' end as "part", "sizeBytes" as "provisioned", coalesce("storedBytes", 0) as "allocated" from "Volume" where "storeId" = ${storeId}::uuid
      union all select "tenantId", 'snapshots', "sizeBytes", coalesce("storedBytes", 0) from "VolumeSnapshot" where "storeId" = ${storeId}::uuid
    ), "used" as (
      select "tenantId"::text as "tenantId", sum("allocated")::bigint as "allocated", count(*) over ()::int as "total", ${sums('volumes')}, ${sums('snapshots')}, ${sums('deleted')} from "kept" group by "tenantId"
    )
    select u.*, t."slug", t."name" from "used" u join "Tenant" t on t."id" = u."tenantId" ${from} order by u."allocated" desc, u."tenantId" desc limit ${limit + 1}`
  const page = rows.slice(0, limit)
  const last = page[page.length - 1]
  return {
    items: page.map(toUsage),
    total: rows[0]?.total ?? (after ? (await pageStoreUsage(db, storeId, { limit: 1 })).total : 0),
    next: rows.length > limit && last ? { allocated: String(last.allocated), tenantId: last.tenantId } : null,
  }
}

function toUsage(row: Row): StoreTenantUsage {
  const part = (of: Part) => ({ count: row[`${of}Count`], provisionedBytes: Number(row[`${of}Provisioned`]), allocatedBytes: Number(row[`${of}Allocated`]) })
  const [volumes, snapshots, deleted] = [part('volumes'), part('snapshots'), part('deleted')]
  return { tenant: { id: row.tenantId, slug: row.slug, name: row.name }, volumes, snapshots, deleted, provisionedBytes: volumes.provisionedBytes + deleted.provisionedBytes, allocatedBytes: Number(row.allocated) }
}
