import { listAuditInput, listAuditOutput, listAuditViews, listEventsInput, listEventsOutput, listEventViews } from '@/server/services/records/records'
import { router, tenantProcedure } from '../trpc'

export const eventRouter = router({
  list: tenantProcedure('event.read').input(listEventsInput).output(listEventsOutput).query(({ ctx, input }) => listEventViews(ctx, ctx.scope, input)),
})

export const auditRouter = router({
  list: tenantProcedure('audit.read').input(listAuditInput).output(listAuditOutput).query(({ ctx, input }) => listAuditViews(ctx, ctx.scope, input)),
})
