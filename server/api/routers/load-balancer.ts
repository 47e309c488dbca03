import { balancerDetail, balancerView } from '@/domain/load-balancer/view'
import { openLog, openLogInput, openLogOutput } from '@/server/services/load-balancers/open-log'
import { exposePod, exposePodInput } from '@/server/services/load-balancers/expose-pod'
import { balancerReference, getBalancer, listBalancers, listBalancersInput, listBalancersOutput } from '@/server/services/load-balancers/read-balancers'
import { balancerServersOutput, readServers } from '@/server/services/load-balancers/read-servers'
import { balancerKinds, watchChanges, watchChangesInput, watchChangesOutput } from '@/server/services/watch/watch-changes'
import { live, trackedChanges, trackedEvents } from '../stream-output'
import { router, tenantProcedure } from '../trpc'

/** Balancers are made by what asks for them: a Service of type LoadBalancer or an Ingress, whose permissions they share. */
export const loadBalancerRouter = router({
  list: tenantProcedure('service.read').input(listBalancersInput).output(listBalancersOutput).query(({ ctx, input }) => listBalancers(ctx, ctx.scope, input)),
  get: tenantProcedure('service.read').input(balancerReference).output(balancerDetail).query(({ ctx, input }) => getBalancer(ctx, ctx.scope, input)),
  servers: tenantProcedure('service.read').input(balancerReference).output(balancerServersOutput).query(({ ctx, input }) => readServers(ctx, ctx.scope, input)),
  openLog: tenantProcedure('pod.logs').input(openLogInput).output(openLogOutput).mutation(({ ctx, input }) => openLog(ctx, ctx.scope, input)),
  expose: tenantProcedure('service.write').input(exposePodInput).output(balancerView).mutation(({ ctx, input }) => exposePod(ctx, ctx.scope, input)),
  watch: tenantProcedure('service.read').input(watchChangesInput).output(trackedEvents(watchChangesOutput)).subscription(({ ctx, input, signal }) => trackedChanges(watchChanges(ctx, ctx.scope, balancerKinds, input, live(signal)))),
})
