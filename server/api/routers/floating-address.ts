import { floatingAddressOffer } from '@/domain/floating-address/offer'
import { floatingAddressView } from '@/domain/floating-address/view'
import { floatingAddressReference, getFloatingAddress, listFloatingAddresses, listFloatingAddressesInput, listFloatingAddressesOutput } from '@/server/services/floating-addresses/floating-address-view'
import { changeFloatingAddress, createFloatingAddress, createFloatingAddressInput, removeFloatingAddress, updateFloatingAddressInput } from '@/server/services/floating-addresses/floating-addresses'
import { offerFloatingAddresses } from '@/server/services/floating-addresses/offer'
import { deleting } from '@/server/services/networks/object-lists'
import { addressKinds, watchChanges, watchChangesInput, watchChangesOutput } from '@/server/services/watch/watch-changes'
import { live, trackedChanges, trackedEvents } from '../stream-output'
import { router, tenantProcedure } from '../trpc'

export const floatingAddressRouter = router({
  list: tenantProcedure('floatingAddress.read').input(listFloatingAddressesInput).output(listFloatingAddressesOutput).query(({ ctx, input }) => listFloatingAddresses(ctx, ctx.scope, input)),
  get: tenantProcedure('floatingAddress.read').input(floatingAddressReference).output(floatingAddressView).query(({ ctx, input }) => getFloatingAddress(ctx, ctx.scope, input)),
  offer: tenantProcedure('floatingAddress.read').output(floatingAddressOffer).query(({ ctx }) => offerFloatingAddresses(ctx, ctx.scope)),
  create: tenantProcedure('floatingAddress.write').input(createFloatingAddressInput).output(floatingAddressView).mutation(({ ctx, input }) => createFloatingAddress(ctx, ctx.scope, input)),
  update: tenantProcedure('floatingAddress.write').input(updateFloatingAddressInput).output(floatingAddressView).mutation(({ ctx, input }) => changeFloatingAddress(ctx, ctx.scope, input)),
  delete: tenantProcedure('floatingAddress.write').input(floatingAddressReference).output(deleting).mutation(({ ctx, input }) => removeFloatingAddress(ctx, ctx.scope, input)),
  watch: tenantProcedure('floatingAddress.read').input(watchChangesInput).output(trackedEvents(watchChangesOutput)).subscription(({ ctx, input, signal }) => trackedChanges(watchChanges(ctx, ctx.scope, addressKinds, input, live(signal)))),
})
