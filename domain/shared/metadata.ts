import { z } from 'zod'
import { annotations, labels } from './names'

/** What the server says of every object. Times are RFC 3339; resourceVersion is opaque. */
export const objectMetadata = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string(),
  labels,
  annotations,
  generation: z.number().int(),
  resourceVersion: z.string(),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().nullable(),
})
export type ObjectMetadata = z.infer<typeof objectMetadata>
