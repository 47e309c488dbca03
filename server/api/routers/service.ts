import { serviceDetail, serviceView } from '@/domain/service/view'
import { deleting } from '@/server/services/networks/object-lists'
import { getService, listServices, listServicesInput, listServicesOutput, serviceReference } from '@/server/services/services/read-services'
import { createService, createServiceInput, removeService, updateServiceInput, updateServiceObject } from '@/server/services/services/write-services'
import { serviceKinds, watchChanges, watchChangesInput, watchChangesOutput } from '@/server/services/watch/watch-changes'
import { live, trackedChanges, trackedEvents } from '../stream-output'
import { router, tenantProcedure } from '../trpc'

export const serviceRouter = router({
  list: tenantProcedure('service.read').input(listServicesInput).output(listServicesOutput).query(({ ctx, input }) => listServices(ctx, ctx.scope, input)),
  get: tenantProcedure('service.read').input(serviceReference).output(serviceDetail).query(({ ctx, input }) => getService(ctx, ctx.scope, input)),
  create: tenantProcedure('service.write').input(createServiceInput).output(serviceView).mutation(({ ctx, input }) => createService(ctx, ctx.scope, input)),
  update: tenantProcedure('service.write').input(updateServiceInput).output(serviceView).mutation(({ ctx, input }) => updateServiceObject(ctx, ctx.scope, input)),
  delete: tenantProcedure('service.write').input(serviceReference).output(deleting).mutation(({ ctx, input }) => removeService(ctx, ctx.scope, input)),
  watch: tenantProcedure('service.read').input(watchChangesInput).output(trackedEvents(watchChangesOutput)).subscription(({ ctx, input, signal }) => trackedChanges(watchChanges(ctx, ctx.scope, serviceKinds, input, live(signal)))),
})
