import { DomainError } from '@/domain/shared/errors'
import { isUnavailable } from '@/server/store/database'

/** What a caller is told when the database was not there for the request; undefined for every other failure. */
export function databaseUnavailable(error: unknown): DomainError | undefined {
  if (!isUnavailable(error)) return undefined
  const internal = error instanceof Error ? error.message : String(error)
  return new DomainError('unavailable', 'The database does not answer just now, or has no connection left: try again in a moment.', { cause: error, internal })
}
