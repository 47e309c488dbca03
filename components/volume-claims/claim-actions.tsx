'use client'
import { Eye, FileCode2, Maximize2, Trash2 } from 'lucide-react'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

/** What can be done to a claim; the server refuses for the same reasons. */
export function claimActionsFor(tenant: string, { metadata: { namespace = 'default', name, deletionTimestamp } }: Pick<VolumeClaimView, 'metadata'>, onDelete: () => void): Action[] {
  const disabledReason = deletionTimestamp ? 'It is being deleted.' : undefined
  return [
    { id: 'open', label: 'Show claim', icon: <Eye className="size-4" />, href: paths.volumeClaim(tenant, namespace, name) },
    { id: 'grow', label: 'Grow claim', icon: <Maximize2 className="size-4" />, href: paths.volumeClaim(tenant, namespace, name, { grow: '1' }), disabledReason },
    { id: 'yaml', label: 'Edit YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `PersistentVolumeClaim/${namespace}/${name}` }) },
    { id: 'delete', label: 'Delete claim', icon: <Trash2 className="size-4" />, danger: true, run: onDelete, disabledReason },
  ]
}
