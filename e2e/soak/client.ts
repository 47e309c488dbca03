import { setTimeout as delay } from 'node:timers/promises'
import { TRPCClientError } from '@trpc/client'
import { z } from 'zod'

/** A step that does not succeed within this is a defect: everything is back long before. */
const GIVE_UP_MS = 180_000
const PAUSE_MS = 250

const told = z.object({ code: z.string(), httpStatus: z.number() })

/** What a client met and tried again, by tRPC's code; `CONNECTION` where there was no answer. */
export type Retries = Map<string, number>

/** The code of an answer that said no; undefined where nothing answered. */
export function codeOf(error: unknown): string | undefined {
  const data = told.safeParse(error instanceof TRPCClientError ? error.data : undefined)
  return data.success ? data.data.code : undefined
}

/** Whether a careful client would send the same again: nothing answered, or the answer said that it is not the request's fault. */
function isWorthAnotherTry(error: unknown): boolean {
  if (!(error instanceof TRPCClientError)) return false
  const data = told.safeParse(error.data)
  return !data.success || data.data.httpStatus >= 500 || data.data.httpStatus === 429 || data.data.code === 'TIMEOUT'
}

/**
 * Does a step as a careful client: again while the failure is none of the request's. `attempt` counts from 1. Throws what the
 * API refused, and the last failure after three minutes.
 */
export async function persist<T>(what: string, retries: Retries, step: (attempt: number) => Promise<T>): Promise<T> {
  const until = Date.now() + GIVE_UP_MS
  for (let attempt = 1; ; attempt++) {
    try {
      return await step(attempt)
    } catch (error) {
      if (!isWorthAnotherTry(error)) throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
      if (Date.now() > until) throw new Error(`${what}: still fails after ${GIVE_UP_MS / 1000} s and ${attempt} attempts`, { cause: error })
      const code = codeOf(error) ?? 'CONNECTION'
      retries.set(code, (retries.get(code) ?? 0) + 1)
      await delay(PAUSE_MS)
    }
  }
}
