import { z } from 'zod'

export const imagePhases = ['Unknown', 'Pulling', 'Ready', 'Failed'] as const

/** An image on one host, as that host says. */
export const imageOnHost = z.object({
  host: z.string(),
  phase: z.enum(['Pulling', 'Ready', 'Failed']),
  message: z.string(),
  bytesDone: z.number().int(),
  bytesTotal: z.number().int(),
  updatedAt: z.string(),
})
export type ImageOnHost = z.infer<typeof imageOnHost>

/** The tenant's own archive behind a reference. `bytes` and `digest` are of the archive. */
export const uploadView = z.object({ id: z.uuid(), digest: z.string(), bytes: z.number().int(), createdBy: z.string(), createdAt: z.string() })

/** An image that pods of the tenant name, that it has uploaded or that it has pulled ahead, with what hosts say of it. */
export const imageView = z.object({
  /** As pods write it. */
  reference: z.string(),
  digest: z.string().nullable(),
  sizeBytes: z.number().int().nullable(),
  /** Over all hosts: Pulling or Failed where no host is further. */
  phase: z.enum(imagePhases),
  message: z.string(),
  progress: z.object({ bytesDone: z.number().int(), bytesTotal: z.number().int() }).nullable(),
  podCount: z.number().int(),
  /** One of the pods. */
  pod: z.object({ namespace: z.string(), name: z.string() }).nullable(),
  hosts: z.array(imageOnHost),
  upload: uploadView.nullable(),
  prePull: z.object({ id: z.uuid(), expiresAt: z.string() }).nullable(),
  updatedAt: z.string().nullable(),
})
export type ImageView = z.infer<typeof imageView>
