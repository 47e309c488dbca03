import { z } from 'zod'
import { networkTopology } from '@/domain/network/topology'
import { networkView } from '@/domain/network/view'
import { getNetwork, listNetworkViews, networkDetail, networkReference } from '@/server/services/networks/network-view'
import { changeNetwork, createNetwork, createNetworkInput, removeNetwork, updateNetworkInput } from '@/server/services/networks/networks'
import { deleting } from '@/server/services/networks/object-lists'
import { getTopology } from '@/server/services/networks/topology'
import { router, tenantProcedure } from '../trpc'

export const networkRouter = router({
  list: tenantProcedure('network.read').output(z.object({ items: z.array(networkView) })).query(({ ctx }) => listNetworkViews(ctx, ctx.scope)),
  get: tenantProcedure('network.read').input(networkReference).output(networkDetail).query(({ ctx, input }) => getNetwork(ctx, ctx.scope, input.name)),
  topology: tenantProcedure('network.read').input(networkReference).output(networkTopology).query(({ ctx, input }) => getTopology(ctx, ctx.scope, input.name)),
  create: tenantProcedure('network.write').input(createNetworkInput).output(networkView).mutation(({ ctx, input }) => createNetwork(ctx, ctx.scope, input)),
  update: tenantProcedure('network.write').input(updateNetworkInput).output(networkView).mutation(({ ctx, input }) => changeNetwork(ctx, ctx.scope, input)),
  delete: tenantProcedure('network.write').input(networkReference).output(deleting).mutation(({ ctx, input }) => removeNetwork(ctx, ctx.scope, input.name)),
})
