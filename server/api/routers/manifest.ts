import { z } from 'zod'
import { applyManifest, applyManifestInput, applyManifestOutput } from '@/server/services/manifests/apply-manifest'
import { deleteManifest, getManifest, listManifests, listManifestsInput, listManifestsOutput, manifestObject, manifestReference } from '@/server/services/manifests/read-manifests'
import { router, tenantProcedure } from '../trpc'

/**
 * `manifest.apply`. tRPC reserves the key `apply` inside a router, for its clients are proxies of functions; under its
 * whole path at the top it is the same name on the wire (see root.ts). Each document needs its own kind's permission,
 * which the use case asks.
 */
export const applyProcedure = tenantProcedure('pod.read').input(applyManifestInput).output(applyManifestOutput).mutation(({ ctx, input }) => applyManifest(ctx, ctx.scope, input))

export const manifestRouter = router({
  get: tenantProcedure('pod.read').input(manifestReference).output(manifestObject).query(({ ctx, input }) => getManifest(ctx, ctx.scope, input)),
  list: tenantProcedure('pod.read').input(listManifestsInput).output(listManifestsOutput).query(({ ctx, input }) => listManifests(ctx, ctx.scope, input)),
  delete: tenantProcedure('pod.read').input(manifestReference).output(z.object({ deleting: z.literal(true) })).mutation(({ ctx, input }) => deleteManifest(ctx, ctx.scope, input)),
})
