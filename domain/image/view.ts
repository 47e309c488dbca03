import { z } from 'zod'

/** An image that pods of the tenant name, with what hosts say of it. */
export const imageView = z.object({
  reference: z.string(),
  digest: z.string().nullable(),
  sizeBytes: z.number().int().nullable(),
  phase: z.enum(['Unknown', 'Pulling', 'Ready', 'Failed']),
  message: z.string(),
  progress: z.object({ bytesDone: z.number().int(), bytesTotal: z.number().int() }).nullable(),
  pods: z.array(z.object({ namespace: z.string(), name: z.string() })),
  hosts: z.array(z.string()),
  updatedAt: z.string().nullable(),
})
export type ImageView = z.infer<typeof imageView>
