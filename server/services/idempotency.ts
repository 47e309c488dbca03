import { createHash } from 'node:crypto'
import { DomainError } from '@/domain/shared/errors'
import type { Actor } from '@/server/auth/scope'
import type { JsonValue, Transaction } from '@/server/store/database'
import { findCompletedRequest, saveCompletedRequest, type Requester } from '@/server/store/records'
import type { z } from 'zod'

/**
 * Does `work` once for a requestId of this actor in this tenant, or on the platform itself ({@link ofPlatform}): the same request again gets the stored answer, another
 * request under the same id is a conflict. Without a requestId it simply does the work. Runs in the transaction that
 * does the work, so a stored answer means that the work is committed.
 */
export async function once<S extends z.ZodType>(
  tx: Transaction,
  requester: Requester,
  request: { requestId: string | undefined; procedure: string; input: unknown; output: S },
  work: () => Promise<z.output<S> & JsonValue>,
): Promise<z.output<S>> {
  if (!request.requestId) return work()
  const inputHash = createHash('sha256').update(canonicalJson(request.input)).digest('hex')
  // Two such requests at the same time: the second waits here until the first has committed or rolled back.
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`${requester.tenantId}/${requester.actor.userId}/${request.requestId}`}, 0))`
  const before = await findCompletedRequest(tx, requester, request.requestId)
  if (before) {
    if (before.procedure === request.procedure && before.inputHash === inputHash) return request.output.parse(before.output)
    throw new DomainError('conflict', `The requestId "${request.requestId}" was used for another request: choose a new one.`)
  }
  const output = await work()
  await saveCompletedRequest(tx, requester, { requestId: request.requestId, procedure: request.procedure, inputHash, output })
  return output
}

/** Whose requests an operator's are that are of no tenant. */
export const ofPlatform = (actor: Actor): Requester => ({ tenantId: '', actor })

/** JSON with the keys of every map in order, so that equal inputs hash equally. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v))
}
