'use client'
import { Eye, Pencil, Trash2 } from 'lucide-react'
import type { NetworkView } from '@/domain/network/view'
import type { Action } from '@/components/client/actions'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'

/** Why a network cannot be deleted; the server refuses for the same reasons. */
function deleteReason({ metadata, status }: NetworkView): string | undefined {
  if (metadata.name === 'default') return 'The network “default” belongs to the tenant.'
  if (status.pods > 0) return `${formatCount(status.pods, 'pod')} ${status.pods === 1 ? 'uses' : 'use'} it.`
  if (status.namespaces.length > 0) return `Used by the namespaces ${status.namespaces.join(', ')}.`
  return undefined
}

/** What can be done to a network. */
export const networkActionsFor = (tenant: string, network: NetworkView, onDelete: (network: NetworkView) => void): Action[] => [
  { id: 'open', label: 'Show network', icon: <Eye className="size-4" />, href: paths.network(tenant, network.metadata.name) },
  { id: 'edit', label: 'Edit network', icon: <Pencil className="size-4" />, href: paths.editNetwork(tenant, network.metadata.name) },
  { id: 'delete', label: 'Delete network', icon: <Trash2 className="size-4" />, danger: true, run: () => onDelete(network), disabledReason: deleteReason(network) },
]
