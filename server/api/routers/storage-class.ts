import { storageClassView } from '@/domain/storage-class/view'
import { deleting } from '@/server/services/networks/object-lists'
import { changeStorageClass, createStorageClass, createStorageClassInput, getStorageClass, listStorageClassesOutput, listStorageClassViews, removeStorageClass, storageClassReference, updateStorageClassInput } from '@/server/services/storage-classes/storage-classes'
import { operatorProcedure, router, signedInProcedure } from '../trpc'

/** Whoever makes volumes may read what classes there are; operators make them. */
export const storageClassRouter = router({
  list: signedInProcedure.output(listStorageClassesOutput).query(({ ctx }) => listStorageClassViews(ctx, ctx.actor)),
  get: signedInProcedure.input(storageClassReference).output(storageClassView).query(({ ctx, input }) => getStorageClass(ctx.db, ctx.actor, input)),
  create: operatorProcedure.input(createStorageClassInput).output(storageClassView).mutation(({ ctx, input }) => createStorageClass(ctx, ctx.actor, input)),
  update: operatorProcedure.input(updateStorageClassInput).output(storageClassView).mutation(({ ctx, input }) => changeStorageClass(ctx, ctx.actor, input)),
  delete: operatorProcedure.input(storageClassReference).output(deleting).mutation(({ ctx, input }) => removeStorageClass(ctx, ctx.actor, input)),
})
