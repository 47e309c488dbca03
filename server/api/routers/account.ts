import { z } from 'zod'
import { changePasswordInput, requestResetInput, resetPasswordInput, signOutEverywhereInput, signUpInput } from '@/domain/account/input'
import { meView, pendingAccountView, revocationResult, sessionView, signUpResult } from '@/domain/account/view'
import { approve, decline, listPending } from '@/server/services/accounts/approvals'
import { changePassword, requestPasswordReset, resetPassword } from '@/server/services/accounts/passwords'
import { listSessions, me, revokeSession, signOutEverywhere } from '@/server/services/accounts/sessions'
import { signUp } from '@/server/services/accounts/sign-up'
import { operatorProcedure, publicProcedure, router, sessionProcedure, signedInProcedure } from '../trpc'

const nothing = z.object({})
const byId = z.object({ id: z.uuid() })

export const accountRouter = router({
  signUp: publicProcedure.input(signUpInput).output(signUpResult).mutation(({ ctx, input }) => signUp(ctx, input, ctx)),
  requestPasswordReset: publicProcedure.input(requestResetInput).output(nothing).mutation(({ ctx, input }) => requestPasswordReset(ctx, input, ctx)),
  resetPassword: publicProcedure.input(resetPasswordInput).output(revocationResult).mutation(({ ctx, input }) => resetPassword(ctx, input, ctx)),
  me: signedInProcedure.output(meView).query(({ ctx }) => me(ctx.db, ctx.actor)),
  changePassword: sessionProcedure.input(changePasswordInput).output(revocationResult).mutation(({ ctx, input }) => changePassword(ctx, ctx.actor, input, ctx)),
  sessions: sessionProcedure.output(z.object({ sessions: z.array(sessionView) })).query(({ ctx }) => listSessions(ctx.db, ctx.actor)),
  revokeSession: sessionProcedure.input(byId).output(nothing).mutation(({ ctx, input }) => revokeSession(ctx.db, ctx.actor, input, ctx)),
  signOutEverywhere: sessionProcedure.input(signOutEverywhereInput).output(revocationResult).mutation(({ ctx, input }) => signOutEverywhere(ctx.db, ctx.actor, input, ctx)),
  pending: operatorProcedure.output(z.object({ accounts: z.array(pendingAccountView) })).query(({ ctx }) => listPending(ctx.db)),
  approve: operatorProcedure.input(byId).output(nothing).mutation(({ ctx, input }) => approve(ctx, ctx.actor, input, ctx)),
  decline: operatorProcedure.input(byId).output(nothing).mutation(({ ctx, input }) => decline(ctx, ctx.actor, input, ctx)),
})
