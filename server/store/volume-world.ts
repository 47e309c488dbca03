import { z } from 'zod'
import { storageClassSpec } from '@/domain/storage-class/spec'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import { volumeSpec } from '@/domain/volume/spec'
import type { Database } from './database'
import { freeForVolumes, joinPromised, promisedIn } from './volume-scheduling'

/** What the volume controller reads of a volume; a field says what prisma/schema/volume.prisma says of it. */
export type VolumeFacts = NonNullable<Awaited<ReturnType<typeof readVolumeFacts>>>

const volumeFence = z.object({ hostId: z.string(), epoch: z.number() }).nullable()
const reportSaid = z.object({ epoch: z.number(), reason: z.string(), message: z.string(), parent: z.boolean() }).partial().catch({})
const pending = ['Asked', 'Taking', 'Deleting']

export async function readVolumeFacts(db: Database, uid: string) {
  const row = await db.volume.findUnique({
    where: { uid },
    include: {
      class: { select: { spec: true } }, store: { select: { spec: true } }, claim: { select: { namespace: true, name: true } },
      attachments: { orderBy: [{ createdAt: 'asc' }, { uid: 'asc' }] },
      snapshots: { where: { OR: [{ phase: { in: pending } }, { remains: true }] }, select: { uid: true }, take: 1 },
    },
  })
  if (!row) return null
  const source = row.sourceSnapshotUid === null ? null : await db.volumeSnapshot.findUnique({ where: { uid: row.sourceSnapshotUid }, select: { phase: true, reason: true, message: true } })
  const said = reportSaid.parse(row.report ?? {})
  const trouble = said.reason && said.epoch === Number(row.epoch) ? { reason: said.reason, message: said.message || said.reason } : null
  return { ...row, spec: volumeSpec.parse(row.spec), fence: volumeFence.parse(row.fence), class: storageClassSpec.parse(row.class.spec), store: volumeStoreSpec.parse(row.store.spec), hasSnapshotWork: row.snapshots.length > 0, sourcePhase: source?.phase ?? null, sourceSays: source?.message || source?.reason || '', problem: said.message || said.reason || '', trouble, isClone: said.parent ?? false }
}

/** A host as the volume controller weighs it. `heard`: when it was heard of last, in milliseconds of the database's clock; null: never. `freeBytes`: of the volume's store there, less what was promised and is not written; null: not known. */
export type VolumeHostFacts = { id: string; name: string; phase: string; declared: boolean; heard: number | null; reaches: boolean; freeBytes: number | null; kept: number }

/** These hosts, and with `candidates` those that are Ready, take what is new and reach the store: the 100 with the fewest volumes. Without them no room is looked for, and what was promised is not summed. */
export const listVolumeHosts = (db: Database, storeId: string, ids: readonly string[], candidates: boolean): Promise<VolumeHostFacts[]> => db.$queryRaw<VolumeHostFacts[]>`
  ${promisedIn(candidates ? [storeId] : [])} select h."id", h."name", h."phase", h."lostAt" is not null as "declared", (extract(epoch from h."lastHeartbeat") * 1000)::float8 as "heard", coalesce(s."reachable", false) as "reaches",
    ${freeForVolumes}::float8 as "freeBytes", k."count"::int as "kept"
  from "Host" h
  left join "VolumeStoreHost" s on s."hostId" = h."id" and s."storeId" = ${storeId}::uuid ${joinPromised}
  left join lateral (select count(*) as "count" from "Volume" v where v."hostId" = h."id") k on true
  where h."id" = any(${[...ids]}::uuid[]) or (${candidates} and h."phase" = 'Ready' and h."lostAt" is null and not h."unschedulable" and s."reachable")
  order by (h."id" = any(${[...ids]}::uuid[])) desc, k."count", h."name" limit ${ids.length + 100}`

/** What pods' containers are doing, as far as volumes go: a pod that is not listed is not there. `ended`: they will run no more; `deleting`: nor will they be started. */
export const listPodHolds = (db: Database, podUids: readonly string[]): Promise<{ uid: string; namespace: string; name: string; hostId: string | null; ended: boolean; deleting: boolean }[]> => db.$queryRaw`
  select p."uid", p."namespace", p."name", p."hostId", coalesce(r."phase" in ('Succeeded', 'Failed', 'Gone'), false) as "ended", p."deletedAt" is not null as "deleting"
  from "Pod" p left join "PodReport" r on r."podUid" = p."uid" where p."uid" = any(${[...podUids]}::uuid[])`

/** The database's clock, by which deletions are dated. */
export async function readClock(db: Database): Promise<Date> {
  const rows = await db.$queryRaw<{ now: Date }[]>`select now() as "now"`
  return rows[0]?.now ?? new Date(0)
}

/** Hosts that are not Ready, for who waits for them to be lost. */
export const listSilentVolumeHosts = (db: Database): Promise<{ id: string; phase: string; heard: number | null }[]> => db.$queryRaw`
  select "id", "phase", (extract(epoch from "lastHeartbeat") * 1000)::float8 as "heard" from "Host" where "phase" <> 'Ready'`

/** Volumes that something may have to be done for though nothing of them changed: those that are not at rest. */
export const listUnsettledVolumes = async (db: Database): Promise<string[]> => (await db.$queryRaw<{ uid: string }[]>`
  select v."uid" from "Volume" v where v."deletedAt" is not null or v."leaving" or v."purging" or v."revertTo" is not null or v."storedPhase" not in ('Ready', 'Failed') or coalesce(v."storedSizeBytes", v."sizeBytes") < v."sizeBytes" or (v."hostId" is not null and v."homeHostId" is null and not exists (select 1 from "VolumeAttachment" a where a."volumeUid" = v."uid"))
    or exists (select 1 from "VolumeSnapshot" s where s."volumeUid" = v."uid" and (s."phase" in ('Asked', 'Taking', 'Deleting') or s."remains"))
    or exists (select 1 from "VolumeAttachment" a left join "Pod" p on p."uid" = a."podUid" left join "PodReport" r on r."podUid" = a."podUid" left join "Host" h on h."id" = a."hostId"
      where a."volumeUid" = v."uid" and (a."phase" <> 'Attached' or not a."wanted" or p."uid" is null or r."phase" in ('Succeeded', 'Failed', 'Gone') or h."phase" <> 'Ready' or h."lostAt" is not null))`).map(({ uid }) => uid)

/** Those that wait for a host: it keeps them, has them on its disk, or has a pod with them; a pod there asks for them; or, with `storeId`, that wait for somebody who reaches their store. */
export const listVolumesOfHost = async (db: Database, hostId: string): Promise<string[]> => (await db.$queryRaw<{ uid: string }[]>`
  select "uid" from "Volume" where "hostId" = ${hostId}::uuid or "homeHostId" = ${hostId}::uuid
  union select "volumeUid" from "VolumeAttachment" where "hostId" = ${hostId}::uuid
  union select a."volumeUid" from "VolumeAttachment" a join "Pod" p on p."uid" = a."podUid" where p."hostId" = ${hostId}::uuid`).map(({ uid }) => uid)

/** The volume of a snapshot, and those that are to be made of it. */
export const listVolumesOfSnapshot = async (db: Database, snapshotUid: string): Promise<string[]> => (await db.$queryRaw<{ uid: string }[]>`
  select "uid" from "Volume" where "sourceSnapshotUid" = ${snapshotUid}::uuid and "storedPhase" not in ('Ready', 'Purged')
  union select "volumeUid" from "VolumeSnapshot" where "uid" = ${snapshotUid}::uuid and "volumeUid" is not null`).map(({ uid }) => uid)

/** Those of a store for which a host is looked for: nobody keeps them and they are not at rest, or somebody asks for them. */
export const listVolumesWaitingForStore = async (db: Database, storeId: string): Promise<string[]> => (await db.$queryRaw<{ uid: string }[]>`
  select v."uid" from "Volume" v where v."storeId" = ${storeId}::uuid and (v."storedPhase" <> 'Ready' or v."purging" or v."revertTo" is not null
    or exists (select 1 from "VolumeSnapshot" s where s."volumeUid" = v."uid" and (s."phase" in ('Asked', 'Taking', 'Deleting') or s."remains")) or exists (select 1 from "VolumeAttachment" a where a."volumeUid" = v."uid" and a."phase" = 'Waiting'))`).map(({ uid }) => uid)

/** Whether a pod names volumes, has some, or had: most have not. */
export async function hasVolumes(db: Database, podUid: string): Promise<boolean> {
  const rows = await db.$queryRaw<{ has: boolean }[]>`
    select exists (select 1 from "PodReference" where "podUid" = ${podUid}::uuid and "kind" in ('Volume', 'PersistentVolumeClaim')) or exists (select 1 from "VolumeAttachment" where "podUid" = ${podUid}::uuid) as "has"`
  return rows[0]?.has ?? false
}

/** Bound pods that name volumes, and have not ended; `waiting`: those of them alone that were not told that they have all. */
export const listPodsWithVolumes = async (db: Database, waiting: boolean): Promise<string[]> => (await db.$queryRaw<{ uid: string }[]>`
  select distinct p."uid" from "Pod" p join "PodReference" f on f."podUid" = p."uid" and f."kind" in ('Volume', 'PersistentVolumeClaim') left join "PodReport" r on r."podUid" = p."uid"
  where p."hostId" is not null and p."deletedAt" is null and coalesce(r."phase", '') not in ('Succeeded', 'Failed', 'Gone')
    and (not ${waiting} or not exists (select 1 from "ObjectCondition" c where c."objectUid" = p."uid" and c."type" = 'VolumesAvailable' and c."status" = 'True'))`).map(({ uid }) => uid)

export const findPodWithVolumes = (db: Database, uid: string) => db.pod.findUnique({ where: { uid }, select: { uid: true, tenantId: true, namespace: true, name: true, generation: true, hostId: true, deletedAt: true, spec: true } })
