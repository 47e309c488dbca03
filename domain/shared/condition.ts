import { z } from 'zod'

/** Kubernetes' condition. `message` names cause, object and next action. */
export const condition = z.object({
  type: z.string().max(64),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().max(128),
  message: z.string().max(4096),
  lastTransitionTime: z.string(),
  observedGeneration: z.number().int().optional(),
})
export type Condition = z.infer<typeof condition>
