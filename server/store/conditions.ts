import { Prisma } from '@/generated/prisma/client'
import type { Database, Transaction } from './database'

export type ConditionChange = { objectUid: string; objectKind: 'Pod' | 'Network' | 'Namespace' | 'Host' | 'Service' | 'NetworkPeering' | 'FloatingAddress' | 'Ingress' | 'LoadBalancer' | 'VolumeStore' | 'Volume' | 'VolumeClaim' | 'VolumeSnapshot' | 'SnapshotSchedule'; type: string; status: 'True' | 'False' | 'Unknown'; reason: string; message: string; observedGeneration: number }

const onConflict = Prisma.sql`
    on conflict ("objectUid", "type") do update set
      "lastTransitionTime" = case when "ObjectCondition"."status" = excluded."status" then "ObjectCondition"."lastTransitionTime" else now() end,
      "status" = excluded."status", "reason" = excluded."reason", "message" = excluded."message", "observedGeneration" = excluded."observedGeneration"
    where ("ObjectCondition"."status", "ObjectCondition"."reason", "ObjectCondition"."message", "ObjectCondition"."observedGeneration")
      is distinct from (excluded."status", excluded."reason", excluded."message", excluded."observedGeneration")`

/** Sets a condition; nothing is written when it says what it said, and the transition time moves with the status alone. Returns whether it changed. */
export async function setCondition(db: Database, c: ConditionChange): Promise<boolean> {
  const written = await db.$executeRaw`
    insert into "ObjectCondition" ("objectUid", "objectKind", "type", "status", "reason", "message", "observedGeneration")
    values (${c.objectUid}::uuid, ${c.objectKind}, ${c.type}, ${c.status}, ${c.reason}, ${c.message}, ${c.observedGeneration})
    ${onConflict}`
  return written > 0
}

const tables = {
  Network: Prisma.sql`"Network"`, NetworkPeering: Prisma.sql`"NetworkPeering"`, Service: Prisma.sql`"Service"`, FloatingAddress: Prisma.sql`"FloatingAddress"`, Ingress: Prisma.sql`"Ingress"`, LoadBalancer: Prisma.sql`"LoadBalancer"`,
  VolumeStore: Prisma.sql`"VolumeStore"`, Volume: Prisma.sql`"Volume"`, VolumeClaim: Prisma.sql`"VolumeClaim"`, VolumeSnapshot: Prisma.sql`"VolumeSnapshot"`,
} as const

/** The same of an object that may be deleted meanwhile: it is held until the transaction ends, and of one that has gone nothing is written. */
export async function setConditionIfThere(tx: Transaction, c: ConditionChange & { objectKind: keyof typeof tables }): Promise<boolean> {
  const held = await tx.$queryRaw<unknown[]>`select 1 from ${tables[c.objectKind]} where "uid" = ${c.objectUid}::uuid for key share`
  return held.length > 0 && (await setCondition(tx, c))
}

/**
 * The same of many, each of another object or type, in some statements. Returns the uids of the objects of which one changed.
 */
export async function setConditionsIfThere(tx: Transaction, changes: readonly (ConditionChange & { objectKind: keyof typeof tables })[]): Promise<Set<string>> {
  const there = new Set<string>()
  for (const kind of [...new Set(changes.map(({ objectKind }) => objectKind))].sort()) {
    const held = await tx.$queryRaw<{ uid: string }[]>`select "uid" from ${tables[kind]} where "uid" = any(${changes.flatMap(({ objectKind, objectUid }) => (objectKind === kind ? [objectUid] : []))}::uuid[]) order by "uid" for key share`
    for (const { uid } of held) there.add(uid)
  }
  const rows = changes.filter(({ objectUid }) => there.has(objectUid)).sort((a, b) => (a.objectUid < b.objectUid ? -1 : 1))
  const column = (of: (change: ConditionChange) => string) => rows.map(of)
  const written = rows.length === 0 ? [] : await tx.$queryRaw<{ uid: string }[]>`
    insert into "ObjectCondition" ("objectUid", "objectKind", "type", "status", "reason", "message", "observedGeneration")
    select * from unnest(${column((c) => c.objectUid)}::uuid[], ${column((c) => c.objectKind)}::text[], ${column((c) => c.type)}::text[], ${column((c) => c.status)}::text[], ${column((c) => c.reason)}::text[], ${column((c) => c.message)}::text[], ${rows.map((c) => c.observedGeneration)}::int[])
    ${onConflict} returning "objectUid" as "uid"`
  return new Set(written.map(({ uid }) => uid))
}

/** Takes a condition of a claim away, which is a change of it. */
export async function removeClaimCondition(tx: Transaction, objectUid: string, type: string): Promise<void> {
  const { count } = await tx.objectCondition.deleteMany({ where: { objectUid, type } })
  if (count > 0) await tx.volumeClaim.updateMany({ where: { uid: objectUid }, data: { revision: 0 } })
}

/** Conditions of some types as they are stored. */
export const listStoredConditions = (db: Database, uids: readonly string[], types: readonly string[]) => db.objectCondition.findMany({ where: { objectUid: { in: [...uids] }, type: { in: [...types] } }, select: { objectUid: true, type: true, status: true, reason: true, message: true, observedGeneration: true } })

export const findConditionStatus = async (db: Database, objectUid: string, type: string): Promise<string | null> => (await db.objectCondition.findUnique({ where: { objectUid_type: { objectUid, type } }, select: { status: true } }))?.status ?? null

export const listConditions = (db: Database, uids: string[]) => db.objectCondition.findMany({ where: { objectUid: { in: uids } }, orderBy: { lastTransitionTime: 'asc' } })
