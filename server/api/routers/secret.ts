import { z } from 'zod'
import { revealedSecret, secretSummary, secretView } from '@/domain/config-map/view'
import { getSecret, listSecrets, listSecretsInput, listSecretsOutput, revealSecret } from '@/server/services/secrets/read-secrets'
import { createSecret, createSecretInput, removeSecret, secretReference, updateSecret, updateSecretInput } from '@/server/services/secrets/secret-objects'
import { router, tenantProcedure } from '../trpc'

/** Values go in by `create` and `update`, and come out by `reveal` alone. */
export const secretRouter = router({
  create: tenantProcedure('secret.write').input(createSecretInput).output(secretSummary).mutation(({ ctx, input }) => createSecret(ctx, ctx.scope, input)),
  list: tenantProcedure('secret.read').input(listSecretsInput).output(listSecretsOutput).query(({ ctx, input }) => listSecrets(ctx, ctx.scope, input)),
  get: tenantProcedure('secret.read').input(secretReference).output(secretView).query(({ ctx, input }) => getSecret(ctx, ctx.scope, input)),
  /** A mutation: it writes the audit, and no cache keeps its answer. */
  reveal: tenantProcedure('secret.reveal').input(secretReference).output(revealedSecret).mutation(({ ctx, input }) => revealSecret(ctx, ctx.scope, input)),
  update: tenantProcedure('secret.write').input(updateSecretInput).output(secretSummary).mutation(({ ctx, input }) => updateSecret(ctx, ctx.scope, input)),
  delete: tenantProcedure('secret.write').input(secretReference).output(z.object({ deleting: z.literal(true) })).mutation(({ ctx, input }) => removeSecret(ctx, ctx.scope, input)),
})
