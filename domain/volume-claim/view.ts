import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { volumeClaimSpec } from './spec'

/** Kubernetes' phases, but for Lost: a claim's volume cannot be deleted without it. */
export const claimPhase = z.enum(['Pending', 'Bound'])
/** What a list of claims is filtered by: one that is being deleted is in no other state, whatever its phase. */
export const claimState = z.enum([...claimPhase.options, 'Deleting'])
export type ClaimState = z.infer<typeof claimState>
export const volumeClaimView = z.object({
  metadata: objectMetadata,
  spec: volumeClaimSpec,
  status: z.object({
    phase: claimPhase,
    volume: z.string().nullable(),
    /** What its volume has, as Kubernetes writes it and in bytes: less than is asked for while it grows (condition `Resizing`), and nothing before it is made. */
    capacity: z.object({ storage: z.string() }).optional(),
    capacityBytes: z.number().nullable(),
    storageClass: z.string().nullable(),
    /** Pods of its namespace that name it; it is deleted once there is none. */
    usedBy: z.array(z.string()),
    conditions: z.array(condition),
  }),
})
export type VolumeClaimView = z.infer<typeof volumeClaimView>
