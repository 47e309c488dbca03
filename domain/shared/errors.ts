/** Where an input is wrong: `path` as in `spec.containers[0].image`, `line` (from 1) when it came as text. */
export type Problem = { path: string; line: number | null; message: string }

/** The closed vocabulary of what can go wrong, the same for tRPC, WebSockets and tests. */
export const errorCodes = [
  'invalid_input',
  'unauthenticated',
  'not_found',
  'already_exists',
  'conflict',
  'gone',
  'failed_precondition',
  'rate_limited',
  'unavailable',
  'timeout',
  'internal',
] as const
export type ErrorCode = (typeof errorCodes)[number]

/**
 * An error that a person may read: cause, object and next action in `message`. What is only for the operator's log
 * goes into `internal`. What the caller may not see is `not_found`, whether it exists or not.
 */
export class DomainError extends Error {
  readonly problems: Problem[]
  readonly internal: string | undefined
  constructor(
    readonly code: ErrorCode,
    message: string,
    details: { problems?: Problem[]; internal?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause })
    this.name = 'DomainError'
    this.problems = details.problems ?? []
    this.internal = details.internal
  }
}

export const notFound = (kind: string, name: string): DomainError => new DomainError('not_found', `${kind} "${name}" does not exist here.`)

export const invalidInput = (problems: Problem[]): DomainError =>
  new DomainError('invalid_input', problems.map((p) => (p.path ? `${p.path}: ${p.message}` : p.message)).join('\n') || 'The input is not valid.', { problems })
