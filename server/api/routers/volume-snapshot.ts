import { volumeSnapshotView } from '@/domain/volume-snapshot/view'
import { volumePreview } from '@/domain/volume/preview'
import { deleting } from '@/server/services/networks/object-lists'
import { cloneGroup, cloneGroupInput, deleteGroup, deleteGroupInput, groupVolumesOutput, previewGroup, previewGroupInput, revertGroup, revertGroupInput } from '@/server/services/volume-snapshots/group-verbs'
import { createSnapshotGroup, createSnapshotGroupInput, createSnapshotGroupOutput } from '@/server/services/volume-snapshots/snapshot-groups'
import { previewSnapshotDeletion } from '@/server/services/volume-snapshots/snapshot-preview'
import { getVolumeSnapshot, listSnapshotsInput, listSnapshotsOutput, listVolumeSnapshots, snapshotReference } from '@/server/services/volume-snapshots/snapshot-view'
import { changeVolumeSnapshot, createSnapshotInput, createVolumeSnapshot, deleteSnapshotInput, removeVolumeSnapshot, updateSnapshotInput } from '@/server/services/volume-snapshots/volume-snapshots'
import { snapshotKinds, watchChanges, watchChangesInput, watchChangesOutput } from '@/server/services/watch/watch-changes'
import { live, trackedChanges, trackedEvents } from '../stream-output'
import { router, tenantProcedure } from '../trpc'

export const volumeSnapshotRouter = router({
  list: tenantProcedure('volume.read').input(listSnapshotsInput).output(listSnapshotsOutput).query(({ ctx, input }) => listVolumeSnapshots(ctx, ctx.scope, input)),
  get: tenantProcedure('volume.read').input(snapshotReference).output(volumeSnapshotView).query(({ ctx, input }) => getVolumeSnapshot(ctx, ctx.scope, input)),
  previewDelete: tenantProcedure('volume.write').input(snapshotReference).output(volumePreview).query(({ ctx, input }) => previewSnapshotDeletion(ctx, ctx.scope, input)),
  create: tenantProcedure('volume.write').input(createSnapshotInput).output(volumeSnapshotView).mutation(({ ctx, input }) => createVolumeSnapshot(ctx, ctx.scope, input)),
  createGroup: tenantProcedure('volume.write').input(createSnapshotGroupInput).output(createSnapshotGroupOutput).mutation(({ ctx, input }) => createSnapshotGroup(ctx, ctx.scope, input)),
  update: tenantProcedure('volume.write').input(updateSnapshotInput).output(volumeSnapshotView).mutation(({ ctx, input }) => changeVolumeSnapshot(ctx, ctx.scope, input)),
  delete: tenantProcedure('volume.write').input(deleteSnapshotInput).output(deleting).mutation(({ ctx, input }) => removeVolumeSnapshot(ctx, ctx.scope, input)),
  previewGroup: tenantProcedure('volume.write').input(previewGroupInput).output(volumePreview).query(({ ctx, input }) => previewGroup(ctx, ctx.scope, input)),
  revertGroup: tenantProcedure('volume.write').input(revertGroupInput).output(groupVolumesOutput).mutation(({ ctx, input }) => revertGroup(ctx, ctx.scope, input)),
  cloneGroup: tenantProcedure('volume.write').input(cloneGroupInput).output(groupVolumesOutput).mutation(({ ctx, input }) => cloneGroup(ctx, ctx.scope, input)),
  deleteGroup: tenantProcedure('volume.write').input(deleteGroupInput).output(deleting).mutation(({ ctx, input }) => deleteGroup(ctx, ctx.scope, input)),
  watch: tenantProcedure('volume.read').input(watchChangesInput).output(trackedEvents(watchChangesOutput)).subscription(({ ctx, input, signal }) => trackedChanges(watchChanges(ctx, ctx.scope, snapshotKinds, input, live(signal)))),
})
