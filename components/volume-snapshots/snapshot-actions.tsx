'use client'
import { Copy, Eye, History, Trash2 } from 'lucide-react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import type { VolumeView } from '@/domain/volume/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

type Asked = { onRevert?: (() => void) | undefined; onDelete: () => void }

const cannotUse = ({ status: { phase } }: Pick<VolumeSnapshotView, 'status'>): string | undefined => (phase === 'Ready' ? undefined : phase === 'Failed' ? 'It could not be taken.' : phase === 'Deleting' ? 'It is being deleted.' : 'It is not taken yet.')

/** Why the volume cannot go back to a snapshot now: whoever has it would write to what is being replaced. */
export function cannotRevert(snapshot: Pick<VolumeSnapshotView, 'status'>, volume: Pick<VolumeView, 'status'>): string | undefined {
  const [user] = volume.status.attachments
  if (volume.status.phase === 'Deleted') return 'The volume is deleted: restore it first.'
  if (volume.status.phase === 'Reverting') return 'The volume goes back to a snapshot already.'
  if (user) return user.pod ? `Pod ${user.pod.name} has the volume: detach it there first.` : 'A pod that is gone had the volume, and its host has not let go yet.'
  return cannotUse(snapshot)
}

/** What can be done to a snapshot; `volume` where its page is shown. The server refuses for the same reasons. */
export const snapshotActionsFor = (tenant: string, snapshot: VolumeSnapshotView, volume: Pick<VolumeView, 'status'> | null, { onRevert, onDelete }: Asked): Action[] => [
  { id: 'open', label: 'Show snapshot', icon: <Eye className="size-4" />, href: paths.volumeSnapshot(tenant, snapshot.metadata.name) },
  { id: 'clone', label: 'Create volume from it', icon: <Copy className="size-4" />, href: paths.newVolume(tenant, { from: `Snapshot/${snapshot.metadata.name}` }), disabledReason: cannotUse(snapshot) },
  ...(volume && onRevert ? [{ id: 'revert', label: 'Revert volume to it', icon: <History className="size-4" />, danger: true, run: onRevert, disabledReason: cannotRevert(snapshot, volume) }] : []),
  { id: 'delete', label: 'Delete snapshot', icon: <Trash2 className="size-4" />, danger: true, run: onDelete, disabledReason: snapshot.status.phase === 'Deleting' ? 'It is being deleted.' : undefined },
]
