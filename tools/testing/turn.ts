import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** The environment's name of a file during whose life the first of Vitest's workers alone begins test files. */
export const oneWorkerWhile = 'HYPERNETES_ONE_WORKER_WHILE'

/** Resolves when this worker may begin a test file: the first one at once, the others once nobody needs the processors more (see `oneWorkerWhile`). */
export async function turnToBegin({ [oneWorkerWhile]: file, VITEST_POOL_ID: worker }: NodeJS.ProcessEnv = process.env, everyMs = 250): Promise<void> {
  while (file && worker !== '1' && existsSync(file)) await delay(everyMs)
}
