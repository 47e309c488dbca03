import { z } from 'zod'

/** Something that happened to an object, for people; equal ones in a row are counted. */
export const eventView = z.object({
  uid: z.string(),
  type: z.enum(['Normal', 'Warning']),
  reason: z.string(),
  message: z.string(),
  count: z.number().int(),
  firstTimestamp: z.string(),
  lastTimestamp: z.string(),
  object: z.object({ kind: z.string(), namespace: z.string().nullable(), name: z.string(), uid: z.string() }),
  source: z.string(),
})
export type EventView = z.infer<typeof eventView>

/** Who did what to which object: append-only. */
export const auditView = z.object({
  id: z.string(),
  time: z.string(),
  actor: z.string(),
  action: z.string(),
  kind: z.string(),
  namespace: z.string().nullable(),
  name: z.string(),
  outcome: z.string(),
  /** What was asked beyond the action's name: a port, a path, how many bytes went each way. */
  detail: z.string(),
  requestId: z.string().nullable(),
})
export type AuditView = z.infer<typeof auditView>
