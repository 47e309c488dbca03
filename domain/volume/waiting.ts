import type { AttachmentPhase } from './attachment'
import type { VolumeSpec } from './spec'

type Held = { pod: { namespace: string; name: string } | null; phase: AttachmentPhase }

/** Why a pod waits for a volume that one pod writes, and what helps, by those that have it or wait; null: none of them is in its way. */
export function waitsBehind(accessMode: VolumeSpec['accessMode'], others: readonly Held[]): { reason: 'VolumeInUse'; message: string } | null {
  const holder = accessMode === 'ReadWriteOnce' ? others.find(({ phase }) => phase !== 'Waiting') : undefined
  if (!holder) return null
  const pod = holder.pod ? `Pod "${holder.pod.name}" in namespace "${holder.pod.namespace}"` : 'A pod that was given up with its host'
  if (holder.phase === 'Lost') return { reason: 'VolumeInUse', message: `${pod} may write to it still: its host has not been heard of.` }
  if (holder.phase === 'Detaching') return { reason: 'VolumeInUse', message: `${pod} lets go of it first.` }
  return { reason: 'VolumeInUse', message: `${pod} has it: delete that pod, or clone the volume.` }
}
