import { z } from 'zod'
import { reportText, reportTime } from './report-text'

/** Kubernetes' condition. `message` names cause, object and next action. */
export const condition = z.object({
  type: reportText(64),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: reportText(128),
  message: reportText(4096),
  lastTransitionTime: reportTime,
  observedGeneration: z.number().int().optional(),
})
export type Condition = z.infer<typeof condition>
