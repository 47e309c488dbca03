import { z } from 'zod'
import { dnsLabel } from '@/domain/shared/names'
import { expiredOf, mostKept, nextRuns } from '@/domain/snapshot-schedule/due'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { comingRefusal, consistencyRefusal, leftOut, snapshotRefusal } from '@/domain/volume-snapshot/admission'
import type { Scope } from '@/server/auth/scope'
import { readSubjects } from '@/server/store/snapshot-subjects'
import { findSnapshotSchedule, takenBySchedule, volumesOfSchedule } from '@/server/store/snapshot-schedules'
import type { ServerContext } from '../context'

/** `name`: of a schedule that is there already: what it has taken is looked at, too. */
export const previewScheduleInput = z.object({ name: dnsLabel.optional(), spec: snapshotScheduleSpec })
/**
 * `next`: its next runs. `volumes`: which it would take now, each with why that could not be (`problem`, null: it could). `missing`: names that name nothing. `left`: its labels mean more than one run takes. `mostKept`: how many of one
 * volume it keeps at most. `dropped`: names of snapshots that it has taken and that its next run would delete.
 */
export const previewScheduleOutput = z.object({
  next: z.array(z.string()), volumes: z.array(z.object({ name: z.string(), problem: z.string().nullable() })), missing: z.array(z.string()), left: z.boolean(), mostKept: z.number().int(), dropped: z.array(z.string()),
})
const shownRuns = 5

/** What a schedule would do, before it is made or changed. Nothing is written. */
export async function previewSnapshotSchedule(ctx: ServerContext, scope: Scope, { name, spec }: z.output<typeof previewScheduleInput>): Promise<z.output<typeof previewScheduleOutput>> {
  const { uids, missing, left, coming } = await volumesOfSchedule(ctx.db, scope, spec.volumes)
  const subjects = await readSubjects(ctx.db, uids)
  const problemOf = (subject: (typeof subjects)[number]): string | null => snapshotRefusal(subject) ?? consistencyRefusal([subject], spec.consistency)
  return {
    next: nextRuns(spec, new Date(), shownRuns).map((at) => at.toISOString()),
    volumes: [...subjects.map((subject) => ({ name: subject.name, problem: problemOf(subject) })), ...coming.map((one) => ({ name: one.name, problem: one.refused === null ? comingRefusal([one]) : leftOut(one) }))],
    missing,
    left,
    mostKept: mostKept(spec.keep),
    dropped: name === undefined ? [] : await droppedOf(ctx, scope, name, spec.keep),
  }
}

async function droppedOf(ctx: ServerContext, scope: Scope, name: string, keep: z.output<typeof snapshotScheduleSpec>['keep']): Promise<string[]> {
  const row = await findSnapshotSchedule(ctx.db, scope, name)
  const taken = row ? await takenBySchedule(ctx.db, row.uid) : []
  const gone = expiredOf(taken, keep)
  return taken.filter(({ uid }) => gone.has(uid)).map(({ name }) => name)
}
