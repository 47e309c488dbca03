import { isShared, volumeStoreSpec } from '@/domain/volume-store/spec'
import type { Database, Transaction } from './database'
import { findNeederOf } from './volume-snapshots'

const heard = { select: { id: true, name: true, phase: true, lostAt: true } } as const

/** A snapshot as its controller weighs it, held until the transaction ends. Null: it is gone. */
export async function holdSnapshotFacts(tx: Transaction, uid: string) {
  const held = await tx.$queryRaw<unknown[]>`select 1 from "VolumeSnapshot" where "uid" = ${uid}::uuid for update`
  if (held.length === 0) return null
  // A host that is declared lost stays so until this is done: what goes with it is remembered for it, and not where it was readmitted meanwhile.
  await tx.$queryRaw`select 1 from "Host" h join "VolumeSnapshot" s on s."homeHostId" = h."id" where s."uid" = ${uid}::uuid and h."lostAt" is not null for share of h`
  const row = await tx.volumeSnapshot.findUniqueOrThrow({ where: { uid }, include: { volume: { select: { name: true, hostId: true, homeHostId: true, leaving: true, storedPhase: true, storedSizeBytes: true, sizeBytes: true, deletedAt: true, host: heard, attachments: { where: { readOnly: true, phase: { not: 'Waiting' } }, select: { uid: true }, take: 1 } } }, home: heard, host: { select: { id: true } }, store: { select: { name: true, spec: true } } } })
  return { ...row, isShared: isShared(volumeStoreSpec.parse(row.store.spec)), needer: await findNeederOf(tx, uid), isApart: row.groupUid !== null && (await countKeepers(tx, row.groupUid)) > 1 }
}

async function countKeepers(tx: Transaction, groupUid: string): Promise<number> {
  const rows = await tx.volume.findMany({ where: { snapshots: { some: { groupUid } }, hostId: { not: null } }, distinct: ['hostId'], select: { hostId: true } })
  return rows.length
}

/** Hosts that could remove something from a store: ready, and reaching it; the one that keeps the fewest volumes first. */
export const listRemovers = async (db: Database, storeId: string): Promise<string[]> => (await db.$queryRaw<{ id: string }[]>`
  select h."id" from "Host" h join "VolumeStoreHost" s on s."hostId" = h."id" and s."storeId" = ${storeId}::uuid and s."reachable"
  where h."phase" = 'Ready' and h."lostAt" is null order by (select count(*) from "Volume" v where v."hostId" = h."id"), h."name"`).map(({ id }) => id)

export const setSnapshotPhase = (tx: Transaction, uid: string, set: { phase: string; reason?: string; message?: string; hostId?: string | null; homeHostId?: string | null; sizeBytes?: bigint }) => tx.volumeSnapshot.update({ where: { uid }, data: set, select: { uid: true } })
export const endedGroup = (tx: Transaction, uid: string) => tx.volumeSnapshot.update({ where: { uid }, data: { endsGroup: false }, select: { uid: true } })
export const dropSnapshot = (tx: Transaction, uid: string) => tx.volumeSnapshot.deleteMany({ where: { uid } })

/** The others of a group of which one could not be taken: all that may still come, and with `ready` those that are there. Returns them. */
export const deleteOthersOfGroup = (tx: Transaction, groupUid: string, { but, ready }: { but: string; ready: boolean }): Promise<{ uid: string; tenantId: string; name: string }[]> => tx.$queryRaw`
  update "VolumeSnapshot" set "deletedAt" = now(), "generation" = "generation" + 1 where "groupUid" = ${groupUid}::uuid and "uid" <> ${but}::uuid and ("phase" in ('Asked', 'Taking') or ${ready} and "phase" = 'Ready') and "deletedAt" is null returning "uid", "tenantId", "name"`

/** Those of a volume, those of their groups, and those that it is made of or goes back to, for which something may have to be done. */
export const listSnapshotsOfVolume = async (db: Database, volumeUid: string): Promise<string[]> => (await db.$queryRaw<{ uid: string }[]>`
  select s."uid" from "VolumeSnapshot" s where (s."hidden" or s."deletedAt" is not null or s."phase" in ('Asked', 'Taking', 'Deleting') or s."remains" or s."endsGroup") and (s."volumeUid" = ${volumeUid}::uuid
    or s."uid" in (select unnest(array[v."sourceSnapshotUid", v."revertTo", v."revertAfter"]) from "Volume" v where v."uid" = ${volumeUid}::uuid)
    or s."groupUid" in (select g."groupUid" from "VolumeSnapshot" g where g."volumeUid" = ${volumeUid}::uuid and g."phase" in ('Asked', 'Taking')))`).map(({ uid }) => uid)

/** Snapshots for which something may have to be done though nothing of them changed; of all tenants, or of one. */
export const listUnsettledSnapshots = async (db: Database, tenantId?: string): Promise<string[]> =>
  (await db.volumeSnapshot.findMany({ where: { OR: [{ hidden: true }, { deletedAt: { not: null } }, { phase: { in: ['Asked', 'Taking', 'Deleting'] } }, { remains: true }, { endsGroup: true }], ...(tenantId === undefined ? {} : { tenantId }) }, select: { uid: true } })).map(({ uid }) => uid)
