import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import type { Database, Transaction } from './database'

/** Schedules whose time has come, by the database's clock. */
export const listDueSchedules = async (db: Database): Promise<string[]> => (await db.$queryRaw<{ uid: string }[]>`select "uid" from "SnapshotSchedule" where "nextAt" <= now() order by "nextAt"`).map(({ uid }) => uid)

/** A schedule and its tenant, held until the transaction ends. `isDue`: its time has come, by the database's clock `now`. */
export async function holdSchedule(tx: Transaction, uid: string) {
  const seen = await tx.snapshotSchedule.findUnique({ where: { uid }, select: { tenantId: true } })
  if (!seen) return null
  await tx.$queryRaw`select 1 from "Tenant" where "id" = ${seen.tenantId} for no key update`
  const [held] = await tx.$queryRaw<{ now: Date; isDue: boolean }[]>`select now() as "now", coalesce("nextAt" <= now(), false) as "isDue" from "SnapshotSchedule" where "uid" = ${uid}::uuid for update`
  const row = held && (await tx.snapshotSchedule.findUnique({ where: { uid } }))
  return row ? { ...row, ...held, spec: snapshotScheduleSpec.parse(row.spec) } : null
}

/** Of which of these volumes the schedule has asked for a snapshot that is not taken yet. */
export const listPendingOf = async (tx: Transaction, scheduleUid: string, volumeUids: readonly string[]): Promise<Set<string>> =>
  new Set((await tx.volumeSnapshot.findMany({ where: { scheduleUid, volumeUid: { in: [...volumeUids] }, phase: { in: ['Asked', 'Taking'] } }, select: { volumeUid: true } })).flatMap(({ volumeUid }) => volumeUid ?? []))

export const recordRun = (tx: Transaction, uid: string, run: { lastAt: Date; nextAt: Date; lastMessage: string }) => tx.snapshotSchedule.update({ where: { uid }, data: run, select: { uid: true } })

/** The schedule that took a snapshot; null: none did, or it is gone. */
export const findScheduleOf = async (db: Database, snapshotUid: string): Promise<string | null> => (await db.volumeSnapshot.findUnique({ where: { uid: snapshotUid, phase: 'Ready' }, select: { scheduleUid: true } }))?.scheduleUid ?? null
