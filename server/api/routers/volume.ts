import { tenantVolumeQuota, volumeOffer } from '@/domain/volume/offer'
import { volumePreview } from '@/domain/volume/preview'
import { volumeView } from '@/domain/volume/view'
import { offerVolumes, readQuotaOf, setVolumeQuota, setVolumeQuotaInput, setVolumeQuotaOutput, volumeQuotaOfInput } from '@/server/services/volumes/offer'
import { attachVolume, attachVolumeInput } from '@/server/services/volumes/volume-attachment'
import { detachVolume, detachVolumeInput } from '@/server/services/volumes/volume-detachment'
import { deleteVolumeInput, removeVolume, restoreVolume, restoreVolumeInput } from '@/server/services/volumes/volume-deletion'
import { cancelRevert, previewRevert, previewRevertInput, previewRevertOutput, revertVolume, revertVolumeInput } from '@/server/services/volumes/volume-revert'
import { previewVolume, previewVolumeInput } from '@/server/services/volumes/volume-preview'
import { getVolume, listVolumes, listVolumesInput, listVolumesOutput, volumeReference } from '@/server/services/volumes/volume-view'
import { previewUpload, previewUploadInput, previewUploadOutput } from '@/server/services/volumes/volume-upload-preview'
import { deleteVolumeUpload, deleteVolumeUploadOutput, listUploadsOfVolumes, listVolumeUploadsOutput, volumeUploadReference } from '@/server/services/volumes/volume-uploads'
import { changeVolume, createVolume, createVolumeInput, updateVolumeInput } from '@/server/services/volumes/volumes'
import { volumeKinds, watchChanges, watchChangesInput, watchChangesOutput } from '@/server/services/watch/watch-changes'
import { live, trackedChanges, trackedEvents } from '../stream-output'
import { operatorProcedure, router, tenantProcedure } from '../trpc'

export const volumeRouter = router({
  list: tenantProcedure('volume.read').input(listVolumesInput).output(listVolumesOutput).query(({ ctx, input }) => listVolumes(ctx, ctx.scope, input)),
  get: tenantProcedure('volume.read').input(volumeReference).output(volumeView).query(({ ctx, input }) => getVolume(ctx, ctx.scope, input)),
  offer: tenantProcedure('volume.read').output(volumeOffer).query(({ ctx }) => offerVolumes(ctx, ctx.scope)),
  create: tenantProcedure('volume.write').input(createVolumeInput).output(volumeView).mutation(({ ctx, input }) => createVolume(ctx, ctx.scope, input)),
  update: tenantProcedure('volume.write').input(updateVolumeInput).output(volumeView).mutation(({ ctx, input }) => changeVolume(ctx, ctx.scope, input)),
  delete: tenantProcedure('volume.write').input(deleteVolumeInput).output(volumeView).mutation(({ ctx, input }) => removeVolume(ctx, ctx.scope, input)),
  restore: tenantProcedure('volume.write').input(restoreVolumeInput).output(volumeView).mutation(({ ctx, input }) => restoreVolume(ctx, ctx.scope, input)),
  previewRevert: tenantProcedure('volume.read').input(previewRevertInput).output(previewRevertOutput).query(({ ctx, input }) => previewRevert(ctx, ctx.scope, input)),
  revert: tenantProcedure('volume.write').input(revertVolumeInput).output(volumeView).mutation(({ ctx, input }) => revertVolume(ctx, ctx.scope, input)),
  cancelRevert: tenantProcedure('volume.write').input(volumeReference).output(volumeView).mutation(({ ctx, input }) => cancelRevert(ctx, ctx.scope, input)),
  previewUpload: tenantProcedure('volume.write').input(previewUploadInput).output(previewUploadOutput).query(({ ctx, input }) => previewUpload(ctx, ctx.scope, input)),
  listUploads: tenantProcedure('volume.read').output(listVolumeUploadsOutput).query(({ ctx }) => listUploadsOfVolumes(ctx, ctx.scope)),
  deleteUpload: tenantProcedure('volume.write').input(volumeUploadReference).output(deleteVolumeUploadOutput).mutation(({ ctx, input }) => deleteVolumeUpload(ctx, ctx.scope, input)),
  attach: tenantProcedure('volume.write').input(attachVolumeInput).output(volumeView).mutation(({ ctx, input }) => attachVolume(ctx, ctx.scope, input)),
  detach: tenantProcedure('volume.write').input(detachVolumeInput).output(volumeView).mutation(({ ctx, input }) => detachVolume(ctx, ctx.scope, input)),
  preview: tenantProcedure('volume.write').input(previewVolumeInput).output(volumePreview).query(({ ctx, input }) => previewVolume(ctx, ctx.scope, input)),
  watch: tenantProcedure('volume.read').input(watchChangesInput).output(trackedEvents(watchChangesOutput)).subscription(({ ctx, input, signal }) => trackedChanges(watchChanges(ctx, ctx.scope, volumeKinds, input, live(signal)))),
  quotaOf: operatorProcedure.input(volumeQuotaOfInput).output(tenantVolumeQuota).query(({ ctx, input }) => readQuotaOf(ctx, input)),
  setQuota: operatorProcedure.input(setVolumeQuotaInput).output(setVolumeQuotaOutput).mutation(({ ctx, input }) => setVolumeQuota(ctx, ctx.actor, input)),
})
