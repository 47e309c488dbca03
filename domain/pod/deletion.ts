import { z } from 'zod'

/** How many pods one request deletes at most. */
export const maxPodsAtOnce = 100

/** What became of a pod that was to be deleted with others; a refusal is the pod's own and leaves the others be. */
export const deletionResult = z.object({
  namespace: z.string(),
  name: z.string(),
  /** `deleting`: its deletion has begun. `gone`: there was none. `refused`: it stays, and `message` says why. */
  outcome: z.enum(['deleting', 'gone', 'refused']),
  message: z.string(),
})
export type DeletionResult = z.infer<typeof deletionResult>
