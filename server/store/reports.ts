import type { HostEvent, PodReport } from '@/contracts/host/v1'
import type { Database } from './database'

/**
 * Stores a pod's report if it is newer than what is there: of another boot, or of the same with a higher sequence. A
 * report of a pod that is not bound to this host is ignored, and the pod's row is held, so that it cannot go meanwhile. Only the gateway calls this. Returns whether it was stored.
 */
export async function storeReport(db: Database, hostId: string, bootId: string, sequence: number, report: PodReport): Promise<boolean> {
  const document = JSON.stringify(report)
  const written = await db.$executeRaw`
    insert into "PodReport" ("podUid", "hostId", "bootId", "sequence", "phase", "document")
    select ${report.uid}::uuid, ${hostId}::uuid, ${bootId}::uuid, ${sequence}, ${report.phase}, ${document}::jsonb
    from "Pod" where "uid" = ${report.uid}::uuid and "hostId" = ${hostId}::uuid for key share
    on conflict ("podUid") do update set "hostId" = excluded."hostId", "bootId" = excluded."bootId", "sequence" = excluded."sequence",
      "phase" = excluded."phase", "document" = excluded."document", "updatedAt" = now()
    where ("PodReport"."bootId" <> excluded."bootId" or "PodReport"."sequence" < excluded."sequence") and "PodReport"."document" is distinct from excluded."document"`
  return written > 0
}

/** Pods that were assigned to the host and being deleted, of which a complete report says nothing: they are gone. */
export async function markUnreportedGone(db: Database, hostId: string, bootId: string, sequence: number, reported: string[]): Promise<void> {
  await db.$executeRaw`
    update "PodReport" r set "phase" = 'Gone', "bootId" = ${bootId}::uuid, "sequence" = ${sequence}, "updatedAt" = now()
    from "Pod" p where p."uid" = r."podUid" and p."hostId" = ${hostId}::uuid and p."deletedAt" is not null and r."phase" <> 'Gone' and (r."bootId" <> ${bootId}::uuid or r."sequence" < ${sequence}) and not (r."podUid" = any(${reported}::uuid[]))`
}

/** Adds what happened to a pod; the same reason and message within ten minutes are counted, not repeated. */
export async function storeHostEvent(db: Database, hostId: string, event: HostEvent): Promise<void> {
  const pod = await db.pod.findFirst({ where: { uid: event.podUid, hostId }, select: { uid: true, tenantId: true, namespace: true, name: true } })
  if (!pod) return
  await recordEvent(db, { tenantId: pod.tenantId, objectUid: pod.uid, objectKind: 'Pod', objectNamespace: pod.namespace, objectName: pod.name, type: event.type, reason: event.reason, message: event.message, source: 'host' })
}

export type NewEvent = { tenantId: string; objectUid: string; objectKind: string; objectNamespace: string | null; objectName: string; type: 'Normal' | 'Warning'; reason: string; message: string; source: string }

export async function recordEvent(db: Database, event: NewEvent): Promise<void> {
  const { tenantId, objectUid, objectKind, objectNamespace, objectName, type, reason, message, source } = event
  // By the clock, not by the transaction's beginning: those of one transaction are listed in their order.
  await db.$executeRaw`
    with counted as (
      update "Event" set "count" = "count" + 1, "lastTimestamp" = now() where "uid" = (
        select "uid" from "Event" where "objectUid" = ${objectUid}::uuid and "reason" = ${reason} and "message" = ${message} and "type" = ${type} and "lastTimestamp" > now() - interval '10 minutes'
        order by "lastTimestamp" desc limit 1)
      returning 1)
    insert into "Event" ("uid", "tenantId", "objectUid", "objectKind", "objectNamespace", "objectName", "type", "reason", "message", "source", "firstTimestamp", "lastTimestamp")
    select gen_random_uuid(), ${tenantId}, ${objectUid}::uuid, ${objectKind}, ${objectNamespace}::text, ${objectName}, ${type}, ${reason}, ${message}, ${source}, clock_timestamp(), clock_timestamp()
    where not exists (select from counted)`
}

/** The same of many, in two statements. */
export async function recordEvents(db: Database, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return
  const column = (of: (event: NewEvent) => string) => events.map(of)
  const counted = await db.$queryRaw<{ at: number }[]>`
    with latest as (
      select distinct on (g."at") g."at"::int as "at", e."uid"
      from unnest(${column((e) => e.objectUid)}::uuid[], ${column((e) => e.reason)}::text[], ${column((e) => e.message)}::text[], ${column((e) => e.type)}::text[]) with ordinality as g("objectUid", "reason", "message", "type", "at")
      join "Event" e on e."objectUid" = g."objectUid" and e."reason" = g."reason" and e."message" = g."message" and e."type" = g."type" and e."lastTimestamp" > now() - interval '10 minutes'
      order by g."at", e."lastTimestamp" desc),
    counted as (update "Event" set "count" = "count" + 1, "lastTimestamp" = now() where "uid" in (select "uid" from latest))
    select "at" from latest`
  const before = new Set(counted.map(({ at }) => at))
  const added = events.filter((_, i) => !before.has(i + 1))
  if (added.length > 0) await db.event.createMany({ data: added })
}
