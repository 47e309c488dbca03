import { z } from 'zod'
import { DomainError, notFound } from '@/domain/shared/errors'
import { dnsLabel } from '@/domain/shared/names'
import { readStoredSchedule, unreadableWords } from '@/domain/snapshot-schedule/stored'
import { snapshotScheduleView, unreadableSchedule, type SnapshotScheduleView, type UnreadableSchedule } from '@/domain/snapshot-schedule/view'
import type { Scope } from '@/server/auth/scope'
import { listConditions } from '@/server/store/conditions'
import type { Database } from '@/server/store/database'
import { findSnapshotSchedule, loadSnapshotSchedules, type SnapshotScheduleRow } from '@/server/store/snapshot-schedules'
import type { ServerContext } from '../context'
import { listObjectsInput, listPage, pageOf } from '../networks/object-lists'
import { toCondition, toMetadata } from '../object-metadata'

export const scheduleReference = z.object({ name: dnsLabel })
export const listSchedulesInput = listObjectsInput.omit({ network: true })
/** `unreadable`: those of the page that this version cannot read, beside the others; `total` counts both. */
export const listSchedulesOutput = pageOf(snapshotScheduleView).extend({ unreadable: z.array(unreadableSchedule) })

/** `stored`: the spec as the database has it, which nobody may understand. */
type Shown = { metadata: SnapshotScheduleView['metadata']; stored: unknown; status: SnapshotScheduleView['status'] } & ReturnType<typeof readStoredSchedule>

async function toShown(db: Database, rows: readonly SnapshotScheduleRow[]): Promise<Shown[]> {
  const conditions = await listConditions(db, rows.map(({ uid }) => uid))
  return rows.map((row) => ({
    metadata: toMetadata(row),
    stored: row.spec,
    ...readStoredSchedule(row.spec),
    status: { lastAt: row.lastAt?.toISOString() ?? null, nextAt: row.nextAt?.toISOString() ?? null, lastMessage: row.lastMessage, snapshots: row._count.snapshots, conditions: conditions.filter(({ objectUid }) => objectUid === row.uid).map(toCondition) },
  }))
}

async function listShown(ctx: ServerContext, scope: Scope, input: z.output<typeof listSchedulesInput>) {
  const { uids, ...page } = await listPage(ctx.db, scope, 'SnapshotSchedule', input)
  return { ...page, shown: await toShown(ctx.db, await loadSnapshotSchedules(ctx.db, scope, uids)) }
}

export async function listSnapshotSchedules(ctx: ServerContext, scope: Scope, input: z.output<typeof listSchedulesInput>): Promise<z.output<typeof listSchedulesOutput>> {
  const { shown, ...page } = await listShown(ctx, scope, input)
  return {
    ...page,
    items: shown.flatMap(({ metadata, spec, status }): SnapshotScheduleView[] => (spec ? [{ metadata, spec, status }] : [])),
    unreadable: shown.flatMap(({ metadata, problem, status }): UnreadableSchedule[] => (problem === null ? [] : [{ metadata, problem, status }])),
  }
}

export const getSnapshotSchedule = (ctx: ServerContext, scope: Scope, { name }: z.output<typeof scheduleReference>): Promise<SnapshotScheduleView> => scheduleViewOf(ctx.db, scope, name)

export async function scheduleViewOf(db: Database, scope: Scope, name: string): Promise<SnapshotScheduleView> {
  const { metadata, spec, problem, status } = await shownOf(db, scope, name)
  if (!spec) throw unreadable(name, problem)
  return { metadata, spec, status }
}

/** Why nothing can be done with a schedule but to delete it or to write it anew. */
export const unreadable = (name: string, problem: string): DomainError => new DomainError('failed_precondition', unreadableWords(name, problem))

async function shownOf(db: Database, scope: Scope, name: string): Promise<Shown> {
  const row = await findSnapshotSchedule(db, scope, name)
  const [shown] = row ? await toShown(db, [row]) : []
  if (!shown) throw notFound('SnapshotSchedule', name)
  return shown
}

type Manifest = Pick<Shown, 'metadata' | 'status'> & { spec: unknown }
const asManifest = ({ metadata, spec, stored, status }: Shown): Manifest => ({ metadata, spec: spec ?? stored, status })

/** As a manifest: of one that cannot be read what stands in it, for whoever writes it anew. */
export const getScheduleManifest = async (ctx: ServerContext, scope: Scope, { name }: z.output<typeof scheduleReference>): Promise<Manifest> => asManifest(await shownOf(ctx.db, scope, name))
export async function listScheduleManifests(ctx: ServerContext, scope: Scope, input: z.output<typeof listSchedulesInput>): Promise<{ items: Manifest[]; nextCursor: string | null }> {
  const { shown, nextCursor } = await listShown(ctx, scope, input)
  return { items: shown.map(asManifest), nextCursor }
}
