import { TRPCClientError } from '@trpc/client'

/** What a page tells of a failed call: cause and next action, where the input is wrong, and the id to quote. */
export type Failure = {
  /** Our own closed code, or `network` where no answer came. */
  code: string
  message: string
  problems: ReadonlyArray<{ path: string; line: number | null; message: string }>
  requestId: string | null
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

function readProblems(value: unknown): Failure['problems'] {
  if (!Array.isArray(value)) return []
  return value.filter(isRecord).map((problem) => ({
    path: text(problem['path']) ?? '',
    line: typeof problem['line'] === 'number' ? problem['line'] : null,
    message: text(problem['message']) ?? 'is not valid',
  }))
}

/** Reads any thrown value into a Failure. */
export function toFailure(error: unknown): Failure {
  if (error instanceof TRPCClientError) {
    const data: unknown = error.data
    if (isRecord(data)) {
      return {
        code: text(data['reason']) ?? 'internal',
        message: error.message,
        problems: readProblems(data['problems']),
        requestId: text(data['requestId']),
      }
    }
    return { code: 'network', message: 'The server cannot be reached. Check your connection and try again.', problems: [], requestId: null }
  }
  return { code: 'internal', message: error instanceof Error ? error.message : 'Something went wrong.', problems: [], requestId: null }
}

export const isMissing = (error: unknown): boolean => toFailure(error).code === 'not_found'
