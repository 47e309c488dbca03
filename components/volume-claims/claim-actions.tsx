'use client'
import { Eye, FileCode2, Maximize2, Trash2 } from 'lucide-react'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import type { VolumeView } from '@/domain/volume/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'
import { refusedUsesOf, volumeUsesOf } from '@/components/volumes/volume-actions'

type Claim = Pick<VolumeClaimView, 'metadata'> & { status: Pick<VolumeClaimView['status'], 'volume'> }
const noVolume = 'It has no volume yet: its conditions say what it waits for.'

/** What can be done to a claim, and to the volume that it has; the server refuses for the same reasons. `volume`: that one, where its state is known. */
export function claimActionsFor(tenant: string, { metadata: { namespace = 'default', name, deletionTimestamp }, status }: Claim, onDelete: () => void, volume?: VolumeView): Action[] {
  const disabledReason = deletionTimestamp ? 'It is being deleted.' : undefined
  const why = status.volume === null ? { attach: noVolume, copy: noVolume, limits: noVolume } : volume ? refusedUsesOf(volume) : {}
  const { attach, snapshot, clone, limits } = volumeUsesOf(tenant, status.volume ?? '', why)
  return [
    { id: 'open', label: 'Show claim', icon: <Eye className="size-4" />, href: paths.volumeClaim(tenant, namespace, name) },
    { id: 'grow', label: 'Grow claim', icon: <Maximize2 className="size-4" />, href: paths.volumeClaim(tenant, namespace, name, { grow: '1' }), disabledReason },
    attach,
    snapshot,
    clone,
    limits,
    { id: 'yaml', label: 'Edit YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `PersistentVolumeClaim/${namespace}/${name}` }) },
    { id: 'delete', label: 'Delete claim', icon: <Trash2 className="size-4" />, danger: true, run: onDelete, disabledReason },
  ]
}
