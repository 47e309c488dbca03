import { z } from 'zod'
import { reachabilityAnswer, reachabilityProbe, reachabilityQuestion } from '@/domain/network/reachability'
import { rulePreview } from '@/domain/network/rule-preview'
import { networkTopology } from '@/domain/network/topology'
import { networkView } from '@/domain/network/view'
import { getNetwork, listNetworkViews, networkDetail, networkReference } from '@/server/services/networks/network-view'
import { changeNetwork, createNetwork, createNetworkInput, removeNetwork, updateNetworkInput } from '@/server/services/networks/networks'
import { deleting } from '@/server/services/networks/object-lists'
import { getTopology } from '@/server/services/networks/topology'
import { askReachability } from '@/server/services/reachability/ask'
import { previewRules, previewRulesInput } from '@/server/services/reachability/preview-rules'
import { probeReachability } from '@/server/services/reachability/probe'
import { router, tenantProcedure } from '../trpc'

export const networkRouter = router({
  list: tenantProcedure('network.read').output(z.object({ items: z.array(networkView) })).query(({ ctx }) => listNetworkViews(ctx, ctx.scope)),
  get: tenantProcedure('network.read').input(networkReference).output(networkDetail).query(({ ctx, input }) => getNetwork(ctx, ctx.scope, input.name)),
  topology: tenantProcedure('network.read').input(networkReference).output(networkTopology).query(({ ctx, input }) => getTopology(ctx, ctx.scope, input.name)),
  reachability: tenantProcedure('network.read').input(reachabilityQuestion).output(reachabilityAnswer).query(({ ctx, input }) => askReachability(ctx, ctx.scope, input)),
  previewRules: tenantProcedure('securityGroup.read').input(previewRulesInput).output(rulePreview).query(({ ctx, input }) => previewRules(ctx, ctx.scope, input)),
  /** A real try from the pod: nothing is changed, but a packet is sent. */
  probe: tenantProcedure('pod.exec').input(reachabilityQuestion).output(reachabilityProbe).mutation(({ ctx, input }) => probeReachability(ctx, ctx.scope, input)),
  create: tenantProcedure('network.write').input(createNetworkInput).output(networkView).mutation(({ ctx, input }) => createNetwork(ctx, ctx.scope, input)),
  update: tenantProcedure('network.write').input(updateNetworkInput).output(networkView).mutation(({ ctx, input }) => changeNetwork(ctx, ctx.scope, input)),
  delete: tenantProcedure('network.write').input(networkReference).output(deleting).mutation(({ ctx, input }) => removeNetwork(ctx, ctx.scope, input.name)),
})
