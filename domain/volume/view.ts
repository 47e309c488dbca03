import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'
import { attachmentPhase, hotDevices, hotMounts } from './attachment'
import { effectiveLimits } from './limits'
import { fsType, volumeSpec } from './spec'
import { formatted, volumePhase } from './state'

/** Who has a volume, or waits for it. `pod` null: the pod is gone, and its host has not let go yet. */
export const attachmentView = z.object({
  pod: z.object({ namespace: z.string(), name: z.string() }).nullable(),
  podUid: z.string(),
  /** The volume's name in the pod's spec. */
  name: z.string(),
  /** It came while the pod ran. */
  hot: z.boolean(),
  /** Of one that came while it ran: where its containers have its file system, or, of one of mode Block, its device. */
  mounts: hotMounts,
  devices: hotDevices,
  readOnly: z.boolean(),
  phase: attachmentPhase,
  host: z.string().nullable(),
  reason: z.string(),
  message: z.string(),
  since: z.string(),
  /** The pod stands still, for the store does not take what it writes. */
  paused: z.boolean(),
})
export type AttachmentView = z.infer<typeof attachmentView>

export const volumeView = z.object({
  metadata: objectMetadata,
  spec: volumeSpec,
  status: z.object({
    phase: volumePhase,
    /** Bytes: as promised; what its image takes in the store; and how full its file system is, as the guest said last. `lastAt`: about when that was, where no guest says it now. */
    sizeBytes: z.number(),
    storedBytes: z.number().nullable(),
    filesystem: z.object({ type: fsType, totalBytes: z.number(), usedBytes: z.number(), lastAt: z.string().optional() }).nullable(),
    /** What stands on it; null: nothing yet. */
    formatted: formatted.nullable(),
    storageClass: z.string(),
    /** Those that hold: of its own and its class's the lower. Left out in the answer to a request that is repeated, where that was first answered before this was told. */
    limits: effectiveLimits.optional(),
    store: z.string(),
    /** On whose disk it lies; null: in a shared store, or not made yet. */
    homeHost: z.string().nullable(),
    /** Who may open it now. */
    host: z.string().nullable(),
    claim: z.object({ namespace: z.string(), name: z.string() }).nullable(),
    attachments: z.array(attachmentView),
    /** Until when it can be restored; null: it is not deleted, or is being removed for good. */
    restorableUntil: z.string().nullable(),
    /**
     * It goes back to a snapshot: to which, and in which one what it has now is kept first, until which that can be called off (null: nothing is, or that is done, and its host takes it back). Null: it does
     * not. Left out in the answer to a request that is repeated, where that was first answered before this was told.
     */
    reverting: z.object({ snapshot: z.string(), keptFirst: z.string().nullable() }).nullable().optional(),
    /** Of what is under way, 0 to 1. */
    progress: z.number().nullable(),
    conditions: z.array(condition),
  }),
})
export type VolumeView = z.infer<typeof volumeView>
