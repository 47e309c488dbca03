import { volumeStoreView } from '@/domain/volume-store/view'
import { deleting } from '@/server/services/networks/object-lists'
import { changeVolumeStore, createVolumeStore, createVolumeStoreInput, deleteVolumeStoreInput, getVolumeStore, listVolumeStoresOutput, listVolumeStoreViews, removeVolumeStore, updateVolumeStoreInput, volumeStoreReference } from '@/server/services/volume-stores/volume-stores'
import { readStoreUsage, storeUsageInput, storeUsageOutput } from '@/server/services/volume-stores/store-usage'
import { storeKinds, watchChangesOutput, watchPlatform, watchPlatformInput } from '@/server/services/watch/watch-changes'
import { live, trackedChanges, trackedEvents } from '../stream-output'
import { operatorProcedure, router } from '../trpc'

export const volumeStoreRouter = router({
  list: operatorProcedure.output(listVolumeStoresOutput).query(({ ctx }) => listVolumeStoreViews(ctx)),
  get: operatorProcedure.input(volumeStoreReference).output(volumeStoreView).query(({ ctx, input }) => getVolumeStore(ctx.db, input)),
  usage: operatorProcedure.input(storeUsageInput).output(storeUsageOutput).query(({ ctx, input }) => readStoreUsage(ctx.db, input)),
  create: operatorProcedure.input(createVolumeStoreInput).output(volumeStoreView).mutation(({ ctx, input }) => createVolumeStore(ctx, ctx.actor, input)),
  update: operatorProcedure.input(updateVolumeStoreInput).output(volumeStoreView).mutation(({ ctx, input }) => changeVolumeStore(ctx, ctx.actor, input)),
  delete: operatorProcedure.input(deleteVolumeStoreInput).output(deleting).mutation(({ ctx, input }) => removeVolumeStore(ctx, ctx.actor, input)),
  watch: operatorProcedure.input(watchPlatformInput).output(trackedEvents(watchChangesOutput)).subscription(({ ctx, input, signal }) => trackedChanges(watchPlatform(ctx, ctx.actor, storeKinds, input, live(signal)))),
})
