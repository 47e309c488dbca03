import type { Database, Transaction } from './database'
import { readClock } from './volume-world'

/** Schedules whose time has come, by the database's clock, or that were never given one. Nothing that stands in one that cannot be read ends the look at the others. */
export const listDueSchedules = async (db: Database): Promise<string[]> => (await db.$queryRaw<{ uid: string }[]>`
  select "uid" from "SnapshotSchedule" where coalesce("nextAt", '-infinity') <= now() and "spec" ->> 'suspended' is distinct from 'true'`).map(({ uid }) => uid)

/** A schedule, held with its tenant until the transaction ends, and the time. Null: it is gone. */
export async function holdSchedule(tx: Transaction, uid: string) {
  const seen = await tx.snapshotSchedule.findUnique({ where: { uid }, select: { tenantId: true } })
  if (!seen) return null
  // The tenant first, as everybody who writes of its volumes.
  await tx.$queryRaw`select 1 from "Tenant" where "id" = ${seen.tenantId} for no key update`
  const row = await tx.snapshotSchedule.findUnique({ where: { uid } })
  return row ? { row, now: await readClock(tx) } : null
}

/** What a run came to, and when the next one is. Only the schedules' controller calls this. */
export const setScheduleRun = (tx: Transaction, uid: string, run: { lastAt?: Date; nextAt: Date | null; lastMessage?: string }) => tx.snapshotSchedule.update({ where: { uid }, data: run, select: { uid: true } })

/** Which of these volumes have a snapshot of the schedule that is not taken yet. */
export const volumesWaitingForSchedule = async (tx: Transaction, scheduleUid: string): Promise<Set<string>> =>
  new Set((await tx.volumeSnapshot.findMany({ where: { scheduleUid, phase: { in: ['Asked', 'Taking'] }, deletedAt: null }, select: { volumeUid: true } })).flatMap(({ volumeUid }) => volumeUid ?? []))
