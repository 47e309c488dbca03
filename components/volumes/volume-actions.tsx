'use client'
import { Ban, Camera, Copy, Eye, FileCode2, Gauge, Link2, Maximize2, Pencil, RotateCcw, Trash2 } from 'lucide-react'
import { snapshotRefusal } from '@/domain/volume-snapshot/admission'
import type { VolumeView } from '@/domain/volume/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

type Asked = { onDelete: () => void; onRestore: () => void; onStopRevert: () => void }
type Volume = Pick<VolumeView, 'metadata' | 'spec' | 'status'>

/** Why no pod can be given the volume now. */
function cannotAttach({ spec, status: { phase, attachments } }: Volume): string | undefined {
  if (phase === 'Failed') return 'It failed: its conditions say why.'
  if (phase === 'Lost') return 'Its host does not answer, and nothing else may open it.'
  if (phase === 'Reverting') return 'It goes back to a snapshot: wait until it has.'
  const [user] = attachments
  if (!user || spec.accessMode === 'ReadOnlyMany') return undefined
  return user.pod ? `Pod ${user.pod.name} has it: detach it there first. One pod writes a volume.` : 'A pod that is gone had it, and its host has not let go yet.'
}

/** Why nothing can be kept of it now, for the reasons for which the server refuses. How many it has already is said as a snapshot is taken. */
function cannotCopy({ metadata: { name }, spec, status: { phase, formatted } }: Volume): string | undefined {
  const stored = phase === 'Failed' ? 'Failed' : phase === 'Pending' || phase === 'Creating' ? 'Absent' : 'Ready'
  const refusal = snapshotRefusal({ name, mode: spec.volumeMode, store: 'rbd', deleted: phase === 'Deleted', stored, reverting: phase === 'Reverting', hostLost: phase === 'Lost', paused: phase === 'Full', unfilled: spec.source.kind === 'Image' && formatted === null, snapshots: 0 })
  return refusal === null ? undefined : `${refusal.charAt(0).toUpperCase()}${refusal.slice(1)}.`
}

function cannotDelete({ status: { claim, attachments } }: Volume): string | undefined {
  if (claim) return `It is the one of claim ${claim.name} in namespace ${claim.namespace}: delete the claim, and its class says what becomes of the volume.`
  const [user] = attachments
  if (!user) return undefined
  return user.pod ? `Pod ${user.pod.name} has it: detach it there, or delete the pod first.` : 'A pod that is gone had it, and its host has not let go yet.'
}

function cannotGrow({ spec, status: { phase, reverting } }: Volume): string | undefined {
  if (spec.accessMode === 'ReadOnlyMany') return 'Pods only read it, and none could write to what it had more: make a larger one of it.'
  return phase === 'Reverting' || reverting ? 'It goes back to a snapshot: wait until it has.' : undefined
}

/** What a volume is used for. `why`: where it cannot be now. */
export const volumeUsesOf = (tenant: string, name: string, why: { attach?: string | undefined; copy?: string | undefined; limits?: string | undefined }): Record<'attach' | 'snapshot' | 'clone' | 'limits', Action> => ({
  attach: { id: 'attach', label: 'Attach volume', icon: <Link2 className="size-4" />, href: paths.attachVolume(tenant, name), disabledReason: why.attach },
  snapshot: { id: 'snapshot', label: 'Take snapshot', icon: <Camera className="size-4" />, href: paths.takeSnapshot(tenant, name), disabledReason: why.copy },
  clone: { id: 'clone', label: 'Clone volume', icon: <Copy className="size-4" />, href: paths.newVolume(tenant, { from: `Volume/${name}` }), disabledReason: why.copy },
  limits: { id: 'limits', label: 'Set limits', icon: <Gauge className="size-4" />, href: paths.volumeLimits(tenant, name), disabledReason: why.limits },
})

/** Why a volume cannot be used so now. */
export const refusedUsesOf = (volume: Volume) => ({ attach: cannotAttach(volume), copy: cannotCopy(volume) })

/** What can be done to a volume. What has a reason the server refuses, too; it may know more of them. */
export const volumeActionsFor = (tenant: string, volume: Volume, { onDelete, onRestore, onStopRevert }: Asked): Action[] => {
  const { metadata: { name }, status } = volume
  if (status.phase === 'Deleted') return status.restorableUntil === null ? [] : [{ id: 'restore', label: 'Restore volume', icon: <RotateCcw className="size-4" />, run: onRestore }]
  const { claim } = status
  const { attach, snapshot, clone, limits } = volumeUsesOf(tenant, name, refusedUsesOf(volume))
  return [
    { id: 'open', label: 'Show volume', icon: <Eye className="size-4" />, href: paths.volume(tenant, name) },
    ...(status.phase === 'Reverting' || status.reverting ? [{ id: 'stop-revert', label: 'Stop revert', icon: <Ban className="size-4" />, run: onStopRevert, disabledReason: status.reverting?.keptFirst === null ? 'Its host takes it back already: wait until it has.' : undefined }] : []),
    attach,
    { id: 'grow', label: claim ? 'Grow claim' : 'Grow volume', icon: <Maximize2 className="size-4" />, href: claim ? paths.volumeClaim(tenant, claim.namespace, claim.name, { grow: '1' }) : paths.growVolume(tenant, name), disabledReason: cannotGrow(volume) },
    snapshot,
    clone,
    limits,
    { id: 'rename', label: 'Rename volume', icon: <Pencil className="size-4" />, href: paths.renameVolume(tenant, name) },
    { id: 'yaml', label: 'Edit YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `Volume/${name}` }) },
    { id: 'delete', label: 'Delete volume', icon: <Trash2 className="size-4" />, danger: true, run: onDelete, disabledReason: cannotDelete(volume) },
  ]
}
