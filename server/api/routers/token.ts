import { z } from 'zod'
import { createTokenInput, issueTokenInput } from '@/domain/account/input'
import { issuedToken, tokenView } from '@/domain/account/token'
import { createToken, issueToken, listTokens, revokeToken } from '@/server/services/tokens/tokens'
import { publicProcedure, router, tenantProcedure } from '../trpc'

export const tokenRouter = router({
  issue: publicProcedure.input(issueTokenInput).output(issuedToken).mutation(({ ctx, input }) => issueToken(ctx, input, ctx)),
  create: tenantProcedure('token.write').input(createTokenInput).output(issuedToken).mutation(({ ctx, input }) => createToken(ctx.db, ctx.scope, input, ctx)),
  list: tenantProcedure('token.read').output(z.object({ tokens: z.array(tokenView) })).query(({ ctx }) => listTokens(ctx.db, ctx.scope)),
  revoke: tenantProcedure('token.write').input(z.object({ id: z.uuid() })).output(z.object({})).mutation(({ ctx, input }) => revokeToken(ctx.db, ctx.scope, input, ctx)),
})
