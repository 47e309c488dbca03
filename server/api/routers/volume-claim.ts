import { volumeClaimView } from '@/domain/volume-claim/view'
import { deleting } from '@/server/services/networks/object-lists'
import { changeVolumeClaim, createVolumeClaim, createVolumeClaimInput, getVolumeClaim, listVolumeClaims, listVolumeClaimsInput, listVolumeClaimsOutput, removeVolumeClaim, updateVolumeClaimInput, volumeClaimReference } from '@/server/services/volume-claims/volume-claims'
import { claimKinds, watchChanges, watchChangesInput, watchChangesOutput } from '@/server/services/watch/watch-changes'
import { live, trackedChanges, trackedEvents } from '../stream-output'
import { router, tenantProcedure } from '../trpc'

export const volumeClaimRouter = router({
  list: tenantProcedure('volume.read').input(listVolumeClaimsInput).output(listVolumeClaimsOutput).query(({ ctx, input }) => listVolumeClaims(ctx, ctx.scope, input)),
  get: tenantProcedure('volume.read').input(volumeClaimReference).output(volumeClaimView).query(({ ctx, input }) => getVolumeClaim(ctx, ctx.scope, input)),
  create: tenantProcedure('volume.write').input(createVolumeClaimInput).output(volumeClaimView).mutation(({ ctx, input }) => createVolumeClaim(ctx, ctx.scope, input)),
  update: tenantProcedure('volume.write').input(updateVolumeClaimInput).output(volumeClaimView).mutation(({ ctx, input }) => changeVolumeClaim(ctx, ctx.scope, input)),
  delete: tenantProcedure('volume.write').input(volumeClaimReference).output(deleting).mutation(({ ctx, input }) => removeVolumeClaim(ctx, ctx.scope, input)),
  watch: tenantProcedure('volume.read').input(watchChangesInput).output(trackedEvents(watchChangesOutput)).subscription(({ ctx, input, signal }) => trackedChanges(watchChanges(ctx, ctx.scope, claimKinds, input, live(signal)))),
})
