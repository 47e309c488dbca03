import { listImages, listImagesInput, listImagesOutput } from '@/server/services/images/list-images'
import { cancelPrePull, cancelPrePullInput, cancelPrePullOutput, prePull, prePullForAll, prePullForAllInput, prePullInput, prePullOutput } from '@/server/services/images/pre-pulls'
import { deleteUpload, deleteUploadInput, deleteUploadOutput } from '@/server/services/images/uploads'
import { operatorProcedure, router, tenantProcedure } from '../trpc'

/** Uploads themselves come over HTTP, as streams: see upload-http. */
export const imageRouter = router({
  list: tenantProcedure('image.read').input(listImagesInput).output(listImagesOutput).query(({ ctx, input }) => listImages(ctx, ctx.scope, input)),
  deleteUpload: tenantProcedure('image.write').input(deleteUploadInput).output(deleteUploadOutput).mutation(({ ctx, input }) => deleteUpload(ctx, ctx.scope, input)),
  prePull: tenantProcedure('image.write').input(prePullInput).output(prePullOutput).mutation(({ ctx, input }) => prePull(ctx, ctx.scope, input)),
  cancelPrePull: tenantProcedure('image.write').input(cancelPrePullInput).output(cancelPrePullOutput).mutation(({ ctx, input }) => cancelPrePull(ctx, ctx.scope, input)),
  prePullForAll: operatorProcedure.input(prePullForAllInput).output(prePullOutput).mutation(({ ctx, input }) => prePullForAll(ctx, ctx.actor, input)),
})
