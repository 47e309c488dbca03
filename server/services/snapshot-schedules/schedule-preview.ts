import { z } from 'zod'
import { dnsLabel } from '@/domain/shared/names'
import { expiredOf, mostKept, nextRuns, sameTiming, spreadKey } from '@/domain/snapshot-schedule/due'
import { snapshotScheduleSpec, type SnapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { comingRefusal, consistencyRefusal, leftOut, snapshotRefusal } from '@/domain/volume-snapshot/admission'
import { readStoredSchedule } from '@/domain/snapshot-schedule/stored'
import type { Scope } from '@/server/auth/scope'
import { readSubjects } from '@/server/store/snapshot-subjects'
import { crowdsOf } from '@/server/store/schedule-crowds'
import { findSnapshotSchedule, takenBySchedule, volumesOfSchedule, type SnapshotScheduleRow } from '@/server/store/snapshot-schedules'
import { readClock } from '@/server/store/volume-world'
import type { ServerContext } from '../context'

/** `name`: what it is called, or will be: an interval's times come of it. Of one that is there already, what it has taken is looked at, too. */
export const previewScheduleInput = z.object({ name: dnsLabel.optional(), spec: snapshotScheduleSpec })
/**
 * `next`: its next runs; none of one that is suspended, and of an interval without a name. `volumes`: which it would take now, each with why that could not be (`problem`, null: it could). `missing`: names that name nothing. `left`: its labels mean more than one run takes. `mostKept`: how many of one
 * volume it keeps at most. `dropped`: names of snapshots that it has taken and that its next run would delete.
 * `crowded`: volumes of which it keeps more than their stores do, with the others that take them.
 */
export const previewScheduleOutput = z.object({
  next: z.array(z.string()), volumes: z.array(z.object({ name: z.string(), problem: z.string().nullable() })), missing: z.array(z.string()), left: z.boolean(), mostKept: z.number().int(), dropped: z.array(z.string()),
  crowded: z.array(z.object({ volume: z.string(), most: z.number().int(), schedules: z.array(z.object({ name: z.string(), keeps: z.number().int() })) })),
})
const shownRuns = 5
/** No schedule's name. */
const unnamed = 'this one'

/** What a schedule would do, before it is made or changed. Nothing is written. */
export async function previewSnapshotSchedule(ctx: ServerContext, scope: Scope, { name, spec }: z.output<typeof previewScheduleInput>): Promise<z.output<typeof previewScheduleOutput>> {
  const { uids, missing, left, coming } = await volumesOfSchedule(ctx.db, scope, spec.volumes)
  const subjects = await readSubjects(ctx.db, uids)
  const ownName = name ?? unnamed
  const row = name === undefined ? null : await findSnapshotSchedule(ctx.db, scope, name)
  const problemOf = (subject: (typeof subjects)[number]): string | null => snapshotRefusal(subject) ?? consistencyRefusal([subject], spec.consistency)
  return {
    next: (await nextOf(ctx, scope, name, spec, row)).map((at) => at.toISOString()),
    volumes: [...subjects.map((subject) => ({ name: subject.name, problem: problemOf(subject) })), ...coming.map((one) => ({ name: one.name, problem: one.refused === null ? comingRefusal([one]) : leftOut(one) }))],
    missing,
    left,
    mostKept: mostKept(spec.keep),
    dropped: row ? await droppedOf(ctx, row.uid, spec) : [],
    crowded: (await crowdsOf(ctx.db, scope, uids, { name: ownName, spec })).filter(({ schedules }) => schedules.some((one) => one.name === ownName)),
  }
}

/** Of one that runs as before, the time that stands is the first: a run that was missed is due still. */
async function nextOf(ctx: ServerContext, { tenantId }: Scope, name: string | undefined, spec: SnapshotScheduleSpec, row: SnapshotScheduleRow | null): Promise<Date[]> {
  if (name === undefined && spec.every !== undefined) return []
  const key = spreadKey(tenantId, name ?? '')
  const was = row ? readStoredSchedule(row.spec).spec : null
  const stands = row?.nextAt && was && !was.suspended && !spec.suspended && sameTiming(was, spec) ? row.nextAt : null
  return stands ? [stands, ...nextRuns(spec, key, new Date(Math.max(stands.getTime(), (await readClock(ctx.db)).getTime())), shownRuns - 1)] : nextRuns(spec, key, await readClock(ctx.db), shownRuns)
}

async function droppedOf(ctx: ServerContext, scheduleUid: string, spec: SnapshotScheduleSpec): Promise<string[]> {
  const taken = await takenBySchedule(ctx.db, scheduleUid)
  const gone = expiredOf(taken, spec)
  return taken.filter(({ uid }) => gone.has(uid)).map(({ name }) => name)
}
