import { z } from 'zod'
import { configMapSummary, configMapView } from '@/domain/config-map/view'
import { configMapReference, createConfigMap, createConfigMapInput, removeConfigMap, updateConfigMapInput, updateConfigMapObject } from '@/server/services/config-maps/config-maps'
import { getConfigMap, listConfigMaps, listConfigMapsInput, listConfigMapsOutput } from '@/server/services/config-maps/read-config-maps'
import { router, tenantProcedure } from '../trpc'

export const configMapRouter = router({
  create: tenantProcedure('configMap.write').input(createConfigMapInput).output(configMapSummary).mutation(({ ctx, input }) => createConfigMap(ctx, ctx.scope, input)),
  list: tenantProcedure('configMap.read').input(listConfigMapsInput).output(listConfigMapsOutput).query(({ ctx, input }) => listConfigMaps(ctx, ctx.scope, input)),
  get: tenantProcedure('configMap.read').input(configMapReference).output(configMapView).query(({ ctx, input }) => getConfigMap(ctx, ctx.scope, input)),
  update: tenantProcedure('configMap.write').input(updateConfigMapInput).output(configMapSummary).mutation(({ ctx, input }) => updateConfigMapObject(ctx, ctx.scope, input)),
  delete: tenantProcedure('configMap.write').input(configMapReference).output(z.object({ deleting: z.literal(true) })).mutation(({ ctx, input }) => removeConfigMap(ctx, ctx.scope, input)),
})
