import type { z } from 'zod'
import type { SnapshotScheduleManifest } from '@/domain/manifest/volume-kinds'
import { notFound } from '@/domain/shared/errors'
import { annotations, labels, type Labels } from '@/domain/shared/names'
import { nextRuns, sameTiming, spreadKey } from '@/domain/snapshot-schedule/due'
import { snapshotScheduleSpec, type SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { readStoredSchedule } from '@/domain/snapshot-schedule/stored'
import { snapshotScheduleView, type SnapshotScheduleView } from '@/domain/snapshot-schedule/view'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { findSnapshotSchedule, insertSnapshotSchedule, removeSnapshotSchedule, updateSnapshotSchedule, type SnapshotScheduleRow } from '@/server/store/snapshot-schedules'
import { readClock } from '@/server/store/volume-world'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { admitOneMore, checkRevision, holdTenant, nameTaken, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { checkKeep } from './keep-fits'
import { scheduleReference, scheduleViewOf, unreadable } from './schedule-view'

export const createScheduleInput = scheduleReference.extend({ labels: labels.default({}), annotations: annotations.default({}), spec: snapshotScheduleSpec, requestId })
/** What is left out stays; `spec` comes as a whole. */
export const updateScheduleInput = scheduleReference.extend({ labels: labels.optional(), annotations: annotations.optional(), spec: snapshotScheduleSpec.optional(), resourceVersion })
export const deleteScheduleInput = scheduleReference.extend({ resourceVersion })

type Change = { labels: Labels; annotations: Labels; spec: SnapshotScheduleSpec }

export function createSnapshotSchedule(ctx: ServerContext, scope: Scope, input: z.output<typeof createScheduleInput>): Promise<SnapshotScheduleView> {
  const { name, labels, annotations, spec, requestId } = input
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId, procedure: 'snapshotSchedule.create', input, output: snapshotScheduleView }, async () => {
    await holdTenant(tx, scope)
    if (await findSnapshotSchedule(tx, scope, name)) throw nameTaken('snapshot schedule', name)
    await insertNewSchedule(tx, scope, name, { labels, annotations, spec })
    return scheduleViewOf(tx, scope, name)
  }), { repeatable: true })
}

const timing = ({ every, schedule, timeZone }: SnapshotScheduleSpec): string => (every === undefined ? `at "${schedule ?? ''}" ${timeZone ?? 'UTC'}` : `every ${every}`)
const words = (spec: SnapshotScheduleSpec): string => `${timing(spec)}, keeps ${Object.entries(spec.keep).flatMap(([rule, count]) => (count > 0 ? [`${rule} ${count}`] : [])).join(', ')}${spec.suspended ? ', suspended' : ''}`

/** The tenant is held. */
async function insertNewSchedule(tx: Transaction, scope: Scope, name: string, change: Change): Promise<void> {
  await admitOneMore(tx, scope, 'SnapshotSchedule')
  await checkKeep(tx, scope, name, change.spec, null)
  await insertSnapshotSchedule(tx, scope, { name, ...change, nextAt: await nextOf(tx, scope, name, change.spec) })
  await recordAudit(tx, scope, { action: 'snapshotSchedule.create', kind: 'SnapshotSchedule', name, detail: words(change.spec) })
}

/** By the database's clock, as it will run. */
const nextOf = async (tx: Transaction, { tenantId }: Scope, name: string, spec: SnapshotScheduleSpec): Promise<Date | null> => nextRuns(spec, spreadKey(tenantId, name), await readClock(tx), 1)[0] ?? null

/** Changes which volumes, how often and what is kept, or suspends it. What it has taken stays until its next run. */
export function changeSnapshotSchedule(ctx: ServerContext, scope: Scope, input: z.output<typeof updateScheduleInput>): Promise<SnapshotScheduleView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findSnapshotSchedule(tx, scope, input.name)
    if (!row) throw notFound('SnapshotSchedule', input.name)
    checkRevision('SnapshotSchedule', row, input.resourceVersion)
    const { spec, problem } = readStoredSchedule(row.spec)
    const after = input.spec ?? spec
    if (!after) throw unreadable(row.name, problem ?? '')
    const metadata = toMetadata(row)
    await change(tx, scope, row, { labels: input.labels ?? metadata.labels, annotations: input.annotations ?? metadata.annotations, spec: after })
    return scheduleViewOf(tx, scope, input.name)
  }, { repeatable: true })
}

/** One that could not be read becomes what is written now, as though it were new. */
async function change(tx: Transaction, scope: Scope, row: SnapshotScheduleRow, after: Change): Promise<boolean> {
  const before = readStoredSchedule(row.spec).spec
  const specChanged = !before || canonicalJson(before) !== canonicalJson(after.spec)
  if (!specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([after.labels, after.annotations])) return false
  if (specChanged) await checkKeep(tx, scope, row.name, after.spec, before)
  const runsElsewhen = !before || !sameTiming(before, after.spec) || before.suspended !== after.spec.suspended
  await updateSnapshotSchedule(tx, scope, row.uid, { ...after, specChanged, ...(runsElsewhen ? { nextAt: await nextOf(tx, scope, row.name, after.spec) } : {}), ...(before ? {} : { lastMessage: '' }) })
  await recordAudit(tx, scope, { action: 'snapshotSchedule.update', kind: 'SnapshotSchedule', name: row.name, detail: specChanged ? words(after.spec) : '' })
  return true
}

/** Ends a schedule. The snapshots that it took stay, until somebody deletes them. */
export function removeSnapshotScheduleOf(ctx: ServerContext, scope: Scope, { name, resourceVersion }: z.output<typeof deleteScheduleInput>): Promise<{ deleting: true }> {
  return inTransaction(ctx.db, (tx) => deleteSnapshotScheduleInTransaction(tx, scope, name, resourceVersion), { repeatable: true })
}

export async function deleteSnapshotScheduleInTransaction(tx: Transaction, scope: Scope, name: string, resourceVersion?: string): Promise<{ deleting: true }> {
  await holdTenant(tx, scope)
  const row = await findSnapshotSchedule(tx, scope, name)
  if (!row) throw notFound('SnapshotSchedule', name)
  checkRevision('SnapshotSchedule', row, resourceVersion)
  await removeSnapshotSchedule(tx, scope, row.uid)
  await recordAudit(tx, scope, { action: 'snapshotSchedule.delete', kind: 'SnapshotSchedule', name, detail: row._count.snapshots === 0 ? '' : `${row._count.snapshots} snapshots stay` })
  return { deleting: true }
}

/** Applies one of a manifest. The tenant is held. */
export async function applySnapshotSchedule(tx: Transaction, scope: Scope, { metadata, spec }: SnapshotScheduleManifest): Promise<Applied> {
  const { name, labels, annotations } = metadata
  const row = await findSnapshotSchedule(tx, scope, name)
  if (row) return (await change(tx, scope, row, { labels, annotations, spec })) ? 'configured' : 'unchanged'
  await insertNewSchedule(tx, scope, name, { labels, annotations, spec })
  return 'created'
}
