import { TRPCError, type TRPC_ERROR_CODE_KEY } from '@trpc/server'
import type { DefaultErrorShape } from '@trpc/server/unstable-core-do-not-import'
import { z } from 'zod'
import { DomainError, type ErrorCode, type Problem } from '@/domain/shared/errors'
import { formatPath } from '@/domain/manifest/source'
import { databaseUnavailable } from '@/server/services/database-faults'
import type { ApiContext } from './trpc'

/** The one mapping from our closed codes to tRPC's (which map to HTTP's). */
const trpcCodes: Record<ErrorCode, TRPC_ERROR_CODE_KEY> = {
  invalid_input: 'BAD_REQUEST',
  unauthenticated: 'UNAUTHORIZED',
  not_found: 'NOT_FOUND',
  already_exists: 'CONFLICT',
  conflict: 'CONFLICT',
  gone: 'PRECONDITION_FAILED',
  failed_precondition: 'PRECONDITION_FAILED',
  rate_limited: 'TOO_MANY_REQUESTS',
  unavailable: 'SERVICE_UNAVAILABLE',
  timeout: 'TIMEOUT',
  internal: 'INTERNAL_SERVER_ERROR',
}

/** What a procedure threw, as a domain error: everything that is not one is `internal` and shown to nobody. */
function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error
  if (error instanceof TRPCError) {
    if (error.cause instanceof DomainError) return error.cause
    if (error.code === 'BAD_REQUEST') return badRequest(error)
    if (error.code === 'PAYLOAD_TOO_LARGE') return new DomainError('invalid_input', 'The request is larger than 4 MiB: send less at a time.')
    if (error.code === 'NOT_FOUND') return new DomainError('not_found', 'There is no such procedure.')
    if (error.cause) return toDomainError(error.cause)
  }
  const unavailable = databaseUnavailable(error)
  if (unavailable) return unavailable
  return new DomainError('internal', 'Something went wrong on our side. Try again; if it happens again, name the request id to the operator.', { cause: error, internal: error instanceof Error ? error.message : String(error) })
}

function badRequest(error: TRPCError): DomainError {
  const problems: Problem[] = error.cause instanceof z.ZodError ? error.cause.issues.map((issue) => ({ path: formatPath(issue.path), line: null, message: issue.message })) : []
  return new DomainError('invalid_input', problems.map((p) => `${p.path}: ${p.message}`).join('\n') || 'The request is malformed.', { problems, cause: error })
}

export function toTrpcError(error: unknown, ctx: Pick<ApiContext, 'log' | 'requestId'>): TRPCError {
  const domain = toDomainError(error)
  if (domain.code === 'internal') ctx.log.error({ requestId: ctx.requestId, err: domain.cause ?? domain, internal: domain.internal }, 'a request failed')
  else if (domain.code === 'unavailable' && domain.internal) ctx.log.warn({ requestId: ctx.requestId, cause: domain.internal }, 'a request could not be served')
  return new TRPCError({ code: trpcCodes[domain.code], message: domain.message, cause: domain })
}

/** Shape of an error on the wire: tRPC's code, ours, field paths and the request id; never a stack. */
export function formatError({ shape, error, ctx }: { shape: DefaultErrorShape; error: TRPCError; ctx: ApiContext | undefined }) {
  const domain = toDomainError(error)
  const { stack: _, ...data } = shape.data
  return { ...shape, message: domain.message, data: { ...data, reason: domain.code, problems: domain.problems, requestId: ctx?.requestId ?? null } }
}
