import type { Selector } from '@/domain/shared/selector'
import type { Labels } from '@/domain/shared/names'
import type { Requirement } from '@/domain/shared/label-selector'
import type { SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import type { ComingVolume } from '@/domain/volume-snapshot/admission'
import { maxScheduledVolumes, maxSnapshotGroup } from '@/domain/volume/limits'
import { Prisma } from '@/generated/prisma/client'
import type { Scope } from '@/server/auth/scope'
import type { Database, Transaction } from './database'
import { inOrder } from './object-pages'
import { selectorSql } from './selector-sql'
import { comingVolumesOfPod, volumesOfPod } from './volume-snapshots'

const parts = { _count: { select: { snapshots: true } } } as const
export type SnapshotScheduleRow = NonNullable<Awaited<ReturnType<typeof findSnapshotSchedule>>>

export const findSnapshotSchedule = (db: Database, scope: Scope, name: string) => db.snapshotSchedule.findUnique({ where: { tenantId_name: { tenantId: scope.tenantId, name } }, include: parts })
export const loadSnapshotSchedules = async (db: Database, scope: Scope, uids: string[]): Promise<SnapshotScheduleRow[]> => inOrder(uids, await db.snapshotSchedule.findMany({ where: { uid: { in: uids }, tenantId: scope.tenantId }, include: parts }))

export type NewSchedule = { name: string; labels: Labels; annotations: Labels; spec: SnapshotScheduleSpec; nextAt: Date | null }
export const insertSnapshotSchedule = (tx: Transaction, scope: Scope, schedule: NewSchedule) => tx.snapshotSchedule.create({ data: { ...schedule, tenantId: scope.tenantId }, select: { uid: true } })

/** `nextAt`: left out where it runs as before; `lastMessage`: where what its last run came to holds still. */
export const updateSnapshotSchedule = (tx: Transaction, scope: Scope, uid: string, { specChanged, ...change }: Omit<NewSchedule, 'name' | 'nextAt'> & { nextAt?: Date | null; lastMessage?: string; specChanged: boolean }) =>
  tx.snapshotSchedule.update({ where: { uid, tenantId: scope.tenantId }, data: { ...change, ...(specChanged ? { generation: { increment: 1 } } : {}) }, select: { uid: true } })

/** Its snapshots stay, and belong to no schedule then. */
export const removeSnapshotSchedule = (tx: Transaction, scope: Scope, uid: string) => tx.snapshotSchedule.deleteMany({ where: { uid, tenantId: scope.tenantId } })

const operators: Readonly<Record<Selector['matchExpressions'][number]['operator'], Requirement['operator']>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: 'absent' }
const requirementsOf = ({ matchLabels, matchExpressions }: Selector): Requirement[] => [
  ...Object.entries(matchLabels).map(([key, value]): Requirement => ({ key, operator: 'in', values: [value] })),
  ...matchExpressions.map(({ key, operator, values }): Requirement => ({ key, operator: operators[operator], values })),
]

/** `missing`: names of volumes that are not there, or the pod; `coming`: what that is to have, and has not just now. `left`: whether its labels mean more volumes than one run takes. */
export type MeantVolumes = { uids: string[]; missing: string[]; left: boolean; coming: ComingVolume[] }
/** Which volumes a schedule would take snapshots of now, by name; of those with its labels at most `most`. Those of a pod are taken at one instant. */
export async function volumesOfSchedule(db: Database, scope: Pick<Scope, 'tenantId'>, { names, selector, pod }: SnapshotScheduleSpec['volumes'], most = maxScheduledVolumes): Promise<MeantVolumes> {
  if (pod) {
    const row = await db.pod.findUnique({ where: { tenantId_namespace_name: { tenantId: scope.tenantId, ...pod } }, select: { uid: true } })
    return row ? { uids: (await volumesOfPod(db, scope, row.uid)).slice(0, maxSnapshotGroup).map(({ uid }) => uid), missing: [], left: false, coming: await comingVolumesOfPod(db, scope, row.uid) } : { uids: [], missing: [pod.name], left: false, coming: [] }
  }
  if (names) {
    const rows = await db.volume.findMany({ where: { tenantId: scope.tenantId, name: { in: names }, deletedAt: null }, select: { uid: true, name: true }, orderBy: { name: 'asc' } })
    return { uids: rows.map(({ uid }) => uid), missing: names.filter((name) => !rows.some((row) => row.name === name)), left: false, coming: [] }
  }
  const conditions = [Prisma.sql`o."tenantId" = ${scope.tenantId}`, Prisma.sql`o."deletedAt" is null`, ...(selector ? requirementsOf(selector) : []).map((requirement) => selectorSql(Prisma.sql`o."labels"`, requirement))]
  const rows = await db.$queryRaw<{ uid: string }[]>`select o."uid" from "Volume" o where ${Prisma.join(conditions, ' and ')} order by o."name" limit ${most + 1}`
  return { uids: rows.slice(0, most).map(({ uid }) => uid), missing: [], left: rows.length > most, coming: [] }
}

/** What a schedule has taken of each volume and retention counts: those that are there and are not being removed. What is left of a volume that is gone stays, until somebody deletes it: there come no newer ones. */
export const takenBySchedule = async (db: Database, scheduleUid: string, volumeUid?: string): Promise<{ uid: string; name: string; volumeUid: string; takenAt: Date }[]> =>
  (await db.volumeSnapshot.findMany({ where: { scheduleUid, phase: 'Ready', deletedAt: null, volumeUid: volumeUid ?? { not: null } }, select: { uid: true, name: true, volumeUid: true, takenAt: true }, orderBy: [{ takenAt: 'desc' }, { createdAt: 'desc' }] })).flatMap(({ takenAt, volumeUid, ...one }) => (takenAt && volumeUid !== null ? [{ ...one, takenAt, volumeUid }] : []))

/** A snapshot that a schedule took, with that and its volume. Null: it is not taken, or nobody counts it. */
export async function findTakenBySchedule(db: Database, snapshotUid: string): Promise<{ name: string; reason: string; createdAt: Date; scheduleUid: string; volumeUid: string } | null> {
  const row = await db.volumeSnapshot.findUnique({ where: { uid: snapshotUid, phase: 'Ready', deletedAt: null }, select: { name: true, reason: true, createdAt: true, scheduleUid: true, volumeUid: true } })
  if (!row || row.scheduleUid === null || row.volumeUid === null) return null
  return { ...row, scheduleUid: row.scheduleUid, volumeUid: row.volumeUid }
}
