import { networkPeeringView } from '@/domain/network-peering/view'
import { createPeering, createPeeringInput, getPeering, listPeerings, listPeeringsInput, listPeeringsOutput, peeringReference, removePeering, updatePeering, updatePeeringInput } from '@/server/services/network-peerings/network-peerings'
import { deleting } from '@/server/services/networks/object-lists'
import { router, tenantProcedure } from '../trpc'

export const networkPeeringRouter = router({
  list: tenantProcedure('network.read').input(listPeeringsInput).output(listPeeringsOutput).query(({ ctx, input }) => listPeerings(ctx, ctx.scope, input)),
  get: tenantProcedure('network.read').input(peeringReference).output(networkPeeringView).query(({ ctx, input }) => getPeering(ctx, ctx.scope, input)),
  create: tenantProcedure('network.write').input(createPeeringInput).output(networkPeeringView).mutation(({ ctx, input }) => createPeering(ctx, ctx.scope, input)),
  update: tenantProcedure('network.write').input(updatePeeringInput).output(networkPeeringView).mutation(({ ctx, input }) => updatePeering(ctx, ctx.scope, input)),
  delete: tenantProcedure('network.write').input(peeringReference).output(deleting).mutation(({ ctx, input }) => removePeering(ctx, ctx.scope, input)),
})
