'use client'
import { Eye, Pencil, Trash2 } from 'lucide-react'
import type { VolumeStoreView } from '@/domain/volume-store/view'
import type { Action } from '@/components/client/actions'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'

/** Why a store cannot go; null: it can. */
export function whyKept({ volumes, snapshots, storageClasses }: VolumeStoreView['status']): string | undefined {
  if (volumes > 0 || snapshots > 0) return `Tenants have ${formatCount(volumes, 'volume')} and ${formatCount(snapshots, 'snapshot')} in it, deleted ones that can be restored among them.`
  return storageClasses.length > 0 ? `Storage classes keep volumes in it: delete ${storageClasses.join(', ')} first.` : undefined
}

/** What can be done to a store; the server refuses for the same reasons. */
export const storeActionsFor = ({ metadata: { name }, status }: VolumeStoreView, onDelete: () => void): Action[] => [
  { id: 'open', label: 'Show volume store', icon: <Eye className="size-4" />, href: paths.volumeStore(name) },
  { id: 'edit', label: 'Edit volume store', icon: <Pencil className="size-4" />, href: paths.editVolumeStore(name) },
  { id: 'delete', label: 'Delete volume store', icon: <Trash2 className="size-4" />, danger: true, run: onDelete, disabledReason: whyKept(status) },
]
