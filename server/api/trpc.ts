import { initTRPC, TRPCError } from '@trpc/server'
import { z } from 'zod'
import { DomainError, notFound } from '@/domain/shared/errors'
import { tenantReference } from '@/domain/shared/names'
import { procedureSeconds } from '@/platform/metrics'
import type { Permission } from '@/domain/tenant/permissions'
import { resolveScope } from '@/server/auth/authenticate'
import type { Actor } from '@/server/auth/scope'
import type { ServerContext } from '@/server/services/context'
import { formatError, toTrpcError } from './errors'
import { refuseDeepInput } from './input-depth'

/** What a request brings: the process's parts and who asks. */
export type ApiContext = ServerContext & { actor: Actor | null; requestId: string; address: string; userAgent: string; signal?: AbortSignal; /** Why it could not be found out who asks. */ failed?: Error }

/** The permission and rung of a procedure; the coverage test reads it. */
export type ProcedureMeta = { rung: 'public' | 'signedIn' | 'tenant' | 'operator'; permission?: Permission; /** For a browser's session alone: a token is refused. */ session?: true }

const t = initTRPC.context<ApiContext>().meta<ProcedureMeta>().create({ errorFormatter: formatError, defaultMeta: { rung: 'public' } })

export const router = t.router
export const createCallerFactory = t.createCallerFactory

const base = t.procedure.use(async ({ ctx, next, path }) => {
  const timed = procedureSeconds.startTimer({ procedure: path })
  const result = await next()
  timed({ outcome: result.ok ? 'ok' : result.error.code })
  if (!result.ok) throw toTrpcError(result.error, ctx)
  return result
}).use(async ({ ctx, getRawInput, next }) => {
  if (ctx.failed) throw ctx.failed
  refuseDeepInput(await getRawInput())
  return next()
})

/** Rung 1: anybody. */
export const publicProcedure = base.meta({ rung: 'public' })

/** Rung 2: a person with a session or a script with a token. */
export const signedInProcedure = base.meta({ rung: 'signedIn' }).use(({ ctx, next }) => {
  if (!ctx.actor) throw new DomainError('unauthenticated', 'Sign in first, or send a token that is valid.')
  return next({ ctx: { actor: ctx.actor } })
})

/** Signed in with a browser's session: what a token must not do, such as changing the password. */
export const sessionProcedure = signedInProcedure.meta({ rung: 'signedIn', session: true }).use(({ ctx, next }) => {
  if (ctx.actor.kind !== 'session') throw new DomainError('unauthenticated', 'A token cannot do this: sign in with a browser.')
  return next()
})

/**
 * Rungs 3 and 4: the scope of one tenant, and a permission in it. A tenant that does not exist, one that the caller is
 * no member of and a permission that the role lacks look alike.
 */
export const tenantProcedure = (permission: Permission) =>
  signedInProcedure
    .meta({ rung: 'tenant', permission })
    .input(z.object({ tenant: tenantReference }))
    .use(async ({ ctx, input, next }) => {
      const scope = await resolveScope(ctx.db, ctx.actor, input.tenant, { requestId: ctx.requestId, address: ctx.address })
      if (!scope || !scope.allows(permission)) throw notFound('Tenant', input.tenant)
      return next({ ctx: { scope } })
    })

/** An operator of the whole installation; for others the procedure does not exist. */
export const operatorProcedure = sessionProcedure.meta({ rung: 'operator', session: true }).use(({ ctx, next }) => {
  if (!ctx.actor.operator) throw new DomainError('not_found', 'This does not exist here.')
  return next()
})

export { TRPCError }
