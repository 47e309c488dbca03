import { balancerFiguresView, podFiguresView, serviceFiguresView, trafficView, volumeFiguresView } from '@/domain/figures/view'
import { balancerFigures, balancerFiguresInput } from '@/server/services/figures/balancer-figures'
import { podFigures, podFiguresInput } from '@/server/services/figures/pod-figures'
import { serviceFigures, serviceFiguresInput } from '@/server/services/figures/service-figures'
import { trafficInput, trafficOf } from '@/server/services/figures/traffic'
import { volumeFigures, volumeFiguresInput } from '@/server/services/figures/volume-figures'
import { topFleetPodViews, topHostsOutput, topHostViews, topInput, topPodsOutput, topPodViews } from '@/server/services/figures/top'
import { operatorProcedure, router, tenantProcedure } from '../trpc'

export const figuresRouter = router({
  pod: tenantProcedure('pod.read').input(podFiguresInput).output(podFiguresView).query(({ ctx, input }) => podFigures(ctx, ctx.scope, input)),
  service: tenantProcedure('service.read').input(serviceFiguresInput).output(serviceFiguresView).query(({ ctx, input }) => serviceFigures(ctx, ctx.scope, input)),
  balancer: tenantProcedure('service.read').input(balancerFiguresInput).output(balancerFiguresView).query(({ ctx, input }) => balancerFigures(ctx, ctx.scope, input)),
  volume: tenantProcedure('volume.read').input(volumeFiguresInput).output(volumeFiguresView).query(({ ctx, input }) => volumeFigures(ctx, ctx.scope, input)),
  top: tenantProcedure('pod.read').input(topInput).output(topPodsOutput).query(({ ctx, input }) => topPodViews(ctx, ctx.scope, input)),
  traffic: tenantProcedure('pod.read').input(trafficInput).output(trafficView).query(({ ctx, input }) => trafficOf(ctx, ctx.scope, input)),
  fleetPods: operatorProcedure.input(topInput).output(topPodsOutput).query(({ ctx, input }) => topFleetPodViews(ctx, input)),
  fleetHosts: operatorProcedure.input(topInput).output(topHostsOutput).query(({ ctx, input }) => topHostViews(ctx, input)),
})
