import { ingressView } from '@/domain/ingress/view'
import { getIngress, ingressReference, listIngresses, listIngressesInput, listIngressesOutput } from '@/server/services/ingresses/read-ingresses'
import { createIngress, createIngressInput, removeIngress, updateIngressInput, updateIngressObject } from '@/server/services/ingresses/write-ingresses'
import { deleting } from '@/server/services/networks/object-lists'
import { router, tenantProcedure } from '../trpc'

/** An Ingress puts services on the outside, as a Service of type LoadBalancer does: who may write the one may write the other. */
export const ingressRouter = router({
  list: tenantProcedure('service.read').input(listIngressesInput).output(listIngressesOutput).query(({ ctx, input }) => listIngresses(ctx, ctx.scope, input)),
  get: tenantProcedure('service.read').input(ingressReference).output(ingressView).query(({ ctx, input }) => getIngress(ctx, ctx.scope, input)),
  create: tenantProcedure('service.write').input(createIngressInput).output(ingressView).mutation(({ ctx, input }) => createIngress(ctx, ctx.scope, input)),
  update: tenantProcedure('service.write').input(updateIngressInput).output(ingressView).mutation(({ ctx, input }) => updateIngressObject(ctx, ctx.scope, input)),
  delete: tenantProcedure('service.write').input(ingressReference).output(deleting).mutation(({ ctx, input }) => removeIngress(ctx, ctx.scope, input)),
})
