import { z } from 'zod'
import { namespaceView } from '@/domain/namespace/view'
import { createNamespace, createNamespaceInput, deleteNamespace, getNamespace, listNamespaceViews, namespaceReference } from '@/server/services/namespaces/namespaces'
import { router, tenantProcedure } from '../trpc'

export const namespaceRouter = router({
  list: tenantProcedure('namespace.read').output(z.object({ items: z.array(namespaceView) })).query(({ ctx }) => listNamespaceViews(ctx, ctx.scope)),
  get: tenantProcedure('namespace.read').input(namespaceReference).output(namespaceView).query(({ ctx, input }) => getNamespace(ctx, ctx.scope, input.name)),
  create: tenantProcedure('namespace.write').input(createNamespaceInput).output(namespaceView).mutation(({ ctx, input }) => createNamespace(ctx, ctx.scope, input)),
  delete: tenantProcedure('namespace.write').input(namespaceReference).output(z.object({ deleting: z.literal(true) })).mutation(({ ctx, input }) => deleteNamespace(ctx, ctx.scope, input.name)),
})
