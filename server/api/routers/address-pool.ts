import { addressPoolDetail, addressPoolView } from '@/domain/address-pool/view'
import { addressPoolReference, changeAddressPool, createAddressPool, createAddressPoolInput, getAddressPool, listAddressPoolsOutput, listAddressPoolViews, removeAddressPool, updateAddressPoolInput } from '@/server/services/address-pools/address-pools'
import { setQuota, setQuotaInput, setQuotaOutput } from '@/server/services/floating-addresses/quota'
import { deleting } from '@/server/services/networks/object-lists'
import { operatorProcedure, router } from '../trpc'

export const addressPoolRouter = router({
  list: operatorProcedure.output(listAddressPoolsOutput).query(({ ctx }) => listAddressPoolViews(ctx)),
  get: operatorProcedure.input(addressPoolReference).output(addressPoolDetail).query(({ ctx, input }) => getAddressPool(ctx, input)),
  create: operatorProcedure.input(createAddressPoolInput).output(addressPoolView).mutation(({ ctx, input }) => createAddressPool(ctx, ctx.actor, input)),
  update: operatorProcedure.input(updateAddressPoolInput).output(addressPoolView).mutation(({ ctx, input }) => changeAddressPool(ctx, ctx.actor, input)),
  delete: operatorProcedure.input(addressPoolReference).output(deleting).mutation(({ ctx, input }) => removeAddressPool(ctx, ctx.actor, input)),
  setQuota: operatorProcedure.input(setQuotaInput).output(setQuotaOutput).mutation(({ ctx, input }) => setQuota(ctx, ctx.actor, input)),
})
