import { fleetStartPercentiles, listPodStarts, listStartsInput, listStartsOutput, percentilesInput, percentilesOutput, tenantStartPercentiles } from '@/server/services/starts/starts'
import { operatorProcedure, router, tenantProcedure } from '../trpc'

export const startRouter = router({
  list: tenantProcedure('pod.read').input(listStartsInput).output(listStartsOutput).query(({ ctx, input }) => listPodStarts(ctx, ctx.scope, input)),
  percentiles: tenantProcedure('pod.read').input(percentilesInput).output(percentilesOutput).query(({ ctx, input }) => tenantStartPercentiles(ctx, ctx.scope, input)),
  fleetPercentiles: operatorProcedure.input(percentilesInput).output(percentilesOutput).query(({ ctx, input }) => fleetStartPercentiles(ctx, input)),
})
