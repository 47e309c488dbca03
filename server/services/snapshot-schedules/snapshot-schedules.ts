import type { z } from 'zod'
import type { SnapshotScheduleManifest } from '@/domain/manifest/volume-kinds'
import { notFound } from '@/domain/shared/errors'
import { annotations, labels, type Labels } from '@/domain/shared/names'
import { mostKept, nextRuns } from '@/domain/snapshot-schedule/due'
import { snapshotScheduleSpec, type SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { snapshotScheduleView, type SnapshotScheduleView } from '@/domain/snapshot-schedule/view'
import { maxSnapshotsOf } from '@/domain/volume/limits'
import type { Scope } from '@/server/auth/scope'
import { inTransaction, type Transaction } from '@/server/store/database'
import { recordAudit } from '@/server/store/records'
import { readSubjects } from '@/server/store/snapshot-subjects'
import { findSnapshotSchedule, insertSnapshotSchedule, removeSnapshotSchedule, updateSnapshotSchedule, volumesOfSchedule, type SnapshotScheduleRow } from '@/server/store/snapshot-schedules'
import type { ServerContext } from '../context'
import { canonicalJson, once } from '../idempotency'
import { admitOneMore, checkRevision, holdTenant, nameTaken, refusedAt, requestId, resourceVersion, type Applied } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { scheduleReference, scheduleViewOf } from './schedule-view'

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

const words = ({ every, keep, suspended }: SnapshotScheduleSpec): string => `every ${every}, keeps ${Object.entries(keep).flatMap(([rule, count]) => (count > 0 ? [`${rule} ${count}`] : [])).join(', ')}${suspended ? ', suspended' : ''}`

/** The tenant is held. */
async function insertNewSchedule(tx: Transaction, scope: Scope, name: string, change: Change): Promise<void> {
  await admitOneMore(tx, scope, 'SnapshotSchedule')
  await checkKeep(tx, scope, change.spec)
  await insertSnapshotSchedule(tx, scope, { name, ...change, nextAt: nextRuns(change.spec, new Date(), 1)[0] ?? null })
  await recordAudit(tx, scope, { action: 'snapshotSchedule.create', kind: 'SnapshotSchedule', name, detail: words(change.spec) })
}

/**
 * Refuses to keep more than a store does of one volume, where one of those that are meant now lies in such a store: one is taken before another one goes, and a schedule that is full would
 * take none any more. Volumes that it does not know yet may come later.
 */
async function checkKeep(tx: Transaction, scope: Scope, { volumes, keep }: SnapshotScheduleSpec): Promise<void> {
  const most = mostKept(keep)
  const { uids } = await volumesOfSchedule(tx, scope, volumes)
  const tooSmall = (await readSubjects(tx, uids)).find(({ store }) => most >= maxSnapshotsOf(store))
  if (tooSmall) throw refusedAt('spec.keep', `keeps up to ${most} of a volume, and the store of the volume "${tooSmall.name}" keeps ${maxSnapshotsOf(tooSmall.store)} of one: keep ${maxSnapshotsOf(tooSmall.store) - 1} at most, for one is taken before another one goes`)
}

/** Changes which volumes, how often and what is kept, or suspends it. What it has taken stays until its next run. */
export function changeSnapshotSchedule(ctx: ServerContext, scope: Scope, input: z.output<typeof updateScheduleInput>): Promise<SnapshotScheduleView> {
  return inTransaction(ctx.db, async (tx) => {
    await holdTenant(tx, scope)
    const row = await findSnapshotSchedule(tx, scope, input.name)
    if (!row) throw notFound('SnapshotSchedule', input.name)
    checkRevision('SnapshotSchedule', row, input.resourceVersion)
    const metadata = toMetadata(row)
    await change(tx, scope, row, { labels: input.labels ?? metadata.labels, annotations: input.annotations ?? metadata.annotations, spec: input.spec ?? snapshotScheduleSpec.parse(row.spec) })
    return scheduleViewOf(tx, scope, input.name)
  }, { repeatable: true })
}

async function change(tx: Transaction, scope: Scope, row: SnapshotScheduleRow, after: Change): Promise<boolean> {
  const before = snapshotScheduleSpec.parse(row.spec)
  const specChanged = canonicalJson(before) !== canonicalJson(after.spec)
  if (!specChanged && canonicalJson([row.labels, row.annotations]) === canonicalJson([after.labels, after.annotations])) return false
  if (specChanged) await checkKeep(tx, scope, after.spec)
  const runsElsewhen = before.every !== after.spec.every || before.suspended !== after.spec.suspended
  await updateSnapshotSchedule(tx, scope, row.uid, { ...after, specChanged, ...(runsElsewhen ? { nextAt: nextRuns(after.spec, new Date(), 1)[0] ?? null } : {}) })
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
