import type { Database } from './database'

type Counted = { label: string; count: number }

/** Pods by the state that people see, and hosts by phase. */
export const countPodStates = (db: Database) => db.$queryRaw<Counted[]>`select "state" as "label", count(*)::int as "count" from "PodState" group by 1`
export const countHostPhases = (db: Database) => db.$queryRaw<Counted[]>`select "phase" as "label", count(*)::int as "count" from "Host" group by 1`
export const countTenantPods = (db: Database, limit: number) => db.$queryRaw<Counted[]>`select t."slug" as "label", count(*)::int as "count" from "Pod" p join "Tenant" t on t."id" = p."tenantId" group by 1 order by 2 desc, 1 limit ${limit}`

/** Size and connections of the database, and how far the change feed reaches back. */
export async function databaseFacts(db: Database): Promise<{ bytes: number; connections: number; feedRows: number }> {
  const [facts] = await db.$queryRaw<{ bytes: bigint; connections: number; feedRows: bigint }[]>`
    select pg_database_size(current_database()) as "bytes", (select count(*)::int from pg_stat_activity where datname = current_database()) as "connections",
      greatest(0, (select reltuples::bigint from pg_class where oid = '"Change"'::regclass)) as "feedRows"`
  return { bytes: Number(facts?.bytes ?? 0), connections: facts?.connections ?? 0, feedRows: Number(facts?.feedRows ?? 0) }
}
