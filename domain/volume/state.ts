import { z } from 'zod'
import type { AttachmentPhase } from './attachment'
import { fsType } from './spec'

/**
 * Pending: nothing of it is stored yet, for it is made where its first pod comes. Creating: it is being made. Available: no pod has it. Attaching, InUse, Detaching: a pod gets it,
 * has it, lets go of it. Growing, Reverting: under way. Full: the pod that has it stands still, for the store has no room. Lost: its host is silent, and nothing else may take
 * it. Deleted: it can be restored for a while. Failed: conditions say why.
 */
export const volumePhase = z.enum(['Pending', 'Creating', 'Available', 'Attaching', 'InUse', 'Detaching', 'Growing', 'Reverting', 'Full', 'Lost', 'Deleted', 'Failed'])
export type VolumePhase = z.infer<typeof volumePhase>

/** What its keeper said of its image last. */
export const storedPhase = z.enum(['Absent', 'Creating', 'Ready', 'Failed', 'Purged'])
export type StoredPhase = z.infer<typeof storedPhase>

/** What stands on a volume; null: it is blank, as far as is known. */
export const formatted = z.enum([...fsType.options, 'block'])
/** The file system that stands on a volume, of what its row says; null: none. */
export const formattedAs = (text: string | null): z.infer<typeof fsType> | null => fsType.nullable().catch(null).parse(text)

export type VolumeFacts = {
  deleted: boolean
  stored: StoredPhase
  /** Whether a host was chosen to make it. */
  hasKeeper: boolean
  /** Whether its keeper, or the host on whose disk it lies, is silent or given up. */
  hostLost: boolean
  reverting: boolean
  sizeBytes: number
  /** What its image has; null: not known. */
  storedSizeBytes: number | null
  attachments: readonly { phase: AttachmentPhase; paused: boolean }[]
}

/** A volume's phase, of its facts alone: it is stored nowhere. */
export function volumePhaseOf(facts: VolumeFacts): VolumePhase {
  const { attachments } = facts
  const has = (phase: AttachmentPhase) => attachments.some((one) => one.phase === phase)
  if (facts.deleted) return 'Deleted'
  if (facts.stored === 'Failed') return 'Failed'
  if (has('Lost') || facts.hostLost) return 'Lost'
  if (facts.stored === 'Creating') return 'Creating'
  if (facts.stored !== 'Ready') return facts.hasKeeper ? 'Creating' : 'Pending'
  if (attachments.some(({ paused }) => paused)) return 'Full'
  if (facts.reverting) return 'Reverting'
  if (has('Detaching')) return 'Detaching'
  if (has('Attaching')) return 'Attaching'
  if (facts.storedSizeBytes !== null && facts.storedSizeBytes < facts.sizeBytes) return 'Growing'
  return has('Attached') ? 'InUse' : 'Available'
}
