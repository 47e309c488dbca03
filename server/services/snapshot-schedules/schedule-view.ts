import { z } from 'zod'
import { notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { snapshotScheduleView, type SnapshotScheduleView } from '@/domain/snapshot-schedule/view'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { findSnapshotSchedule, loadSnapshotSchedules, type SnapshotScheduleRow } from '@/server/store/snapshot-schedules'
import type { ServerContext } from '../context'
import { listObjectsInput, listPage, pageOf } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'

export const scheduleReference = z.object({ name: dnsLabel })
export const listSchedulesInput = listObjectsInput.omit({ network: true })
export const listSchedulesOutput = pageOf(snapshotScheduleView)

async function toViews(db: Database, rows: readonly SnapshotScheduleRow[]): Promise<SnapshotScheduleView[]> {
  const conditions = await listConditions(db, rows.map(({ uid }) => uid))
  return rows.map((row) => ({
    metadata: toMetadata(row),
    spec: snapshotScheduleSpec.parse(row.spec),
    status: { lastAt: row.lastAt?.toISOString() ?? null, nextAt: row.nextAt?.toISOString() ?? null, lastMessage: row.lastMessage, snapshots: row._count.snapshots, conditions: conditions.filter(({ objectUid }) => objectUid === row.uid).map(toCondition) },
  }))
}

export async function listSnapshotSchedules(ctx: ServerContext, scope: Scope, input: z.output<typeof listSchedulesInput>): Promise<z.output<typeof listSchedulesOutput>> {
  const { uids, ...page } = await listPage(ctx.db, scope, 'SnapshotSchedule', input)
  return { ...page, items: await toViews(ctx.db, await loadSnapshotSchedules(ctx.db, scope, uids)) }
}

export const getSnapshotSchedule = (ctx: ServerContext, scope: Scope, { name }: z.output<typeof scheduleReference>): Promise<SnapshotScheduleView> => scheduleViewOf(ctx.db, scope, name)

export async function scheduleViewOf(db: Database, scope: Scope, name: string): Promise<SnapshotScheduleView> {
  const row = await findSnapshotSchedule(db, scope, name)
  const [view] = row ? await toViews(db, [row]) : []
  if (!view) throw notFound('SnapshotSchedule', name)
  return view
}
