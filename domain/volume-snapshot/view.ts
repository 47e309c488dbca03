import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { consistency, volumeSnapshotSpec } from './spec'

/** Asked: nobody was told yet. Taking, Deleting: the volume's host was. Ready: it can be cloned and gone back to. Failed: `message` says why. */
export const snapshotPhase = z.enum(['Asked', 'Taking', 'Ready', 'Failed', 'Deleting'])
export type SnapshotPhase = z.infer<typeof snapshotPhase>

export const volumeSnapshotView = z.object({
  metadata: objectMetadata,
  spec: volumeSnapshotSpec,
  status: z.object({
    phase: snapshotPhase,
    reason: z.string(),
    message: z.string(),
    /** Null: the volume is gone; the snapshot stays, and can be cloned. */
    volume: z.object({ uid: z.string(), name: z.string() }).nullable(),
    /** Those with the same one are of one instant. */
    group: z.string().nullable(),
    schedule: z.string().nullable(),
    /** As it was taken. */
    consistency: consistency.nullable(),
    sizeBytes: z.number(),
    storedBytes: z.number().nullable(),
    takenAt: z.string().nullable(),
    /** For how long writers stood still. */
    stallMs: z.number().nullable(),
    /** Volumes that were made of it and depend on it. */
    clones: z.number().int(),
    conditions: z.array(condition),
  }),
})
export type VolumeSnapshotView = z.infer<typeof volumeSnapshotView>
