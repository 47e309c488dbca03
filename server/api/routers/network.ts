import { z } from 'zod'
import { networkView } from '@/domain/network/view'
import { createNetwork, createNetworkInput, getNetwork, listNetworkViews, networkDetail, networkReference, removeNetwork, updateNetworkInput, updateNetworkOutbound } from '@/server/services/networks/networks'
import { router, tenantProcedure } from '../trpc'

export const networkRouter = router({
  list: tenantProcedure('network.read').output(z.object({ items: z.array(networkView) })).query(({ ctx }) => listNetworkViews(ctx, ctx.scope)),
  get: tenantProcedure('network.read').input(networkReference).output(networkDetail).query(({ ctx, input }) => getNetwork(ctx, ctx.scope, input.name)),
  create: tenantProcedure('network.write').input(createNetworkInput).output(networkView).mutation(({ ctx, input }) => createNetwork(ctx, ctx.scope, input)),
  update: tenantProcedure('network.write').input(updateNetworkInput).output(networkView).mutation(({ ctx, input }) => updateNetworkOutbound(ctx, ctx.scope, input)),
  delete: tenantProcedure('network.write').input(networkReference).output(z.object({ deleting: z.literal(true) })).mutation(({ ctx, input }) => removeNetwork(ctx, ctx.scope, input.name)),
})
