import { snapshotScheduleView } from '@/domain/snapshot-schedule/view'
import { deleting } from '@/server/services/networks/object-lists'
import { previewScheduleInput, previewScheduleOutput, previewSnapshotSchedule } from '@/server/services/snapshot-schedules/schedule-preview'
import { getSnapshotSchedule, listSchedulesInput, listSchedulesOutput, listSnapshotSchedules, scheduleReference } from '@/server/services/snapshot-schedules/schedule-view'
import { changeSnapshotSchedule, createScheduleInput, createSnapshotSchedule, deleteScheduleInput, removeSnapshotScheduleOf, updateScheduleInput } from '@/server/services/snapshot-schedules/snapshot-schedules'
import { router, tenantProcedure } from '../trpc'

export const snapshotScheduleRouter = router({
  list: tenantProcedure('volume.read').input(listSchedulesInput).output(listSchedulesOutput).query(({ ctx, input }) => listSnapshotSchedules(ctx, ctx.scope, input)),
  get: tenantProcedure('volume.read').input(scheduleReference).output(snapshotScheduleView).query(({ ctx, input }) => getSnapshotSchedule(ctx, ctx.scope, input)),
  preview: tenantProcedure('volume.read').input(previewScheduleInput).output(previewScheduleOutput).query(({ ctx, input }) => previewSnapshotSchedule(ctx, ctx.scope, input)),
  create: tenantProcedure('volume.write').input(createScheduleInput).output(snapshotScheduleView).mutation(({ ctx, input }) => createSnapshotSchedule(ctx, ctx.scope, input)),
  update: tenantProcedure('volume.write').input(updateScheduleInput).output(snapshotScheduleView).mutation(({ ctx, input }) => changeSnapshotSchedule(ctx, ctx.scope, input)),
  delete: tenantProcedure('volume.write').input(deleteScheduleInput).output(deleting).mutation(({ ctx, input }) => removeSnapshotScheduleOf(ctx, ctx.scope, input)),
})
