'use client'
import { Eye, Pencil, Trash2 } from 'lucide-react'
import type { AddressPoolView } from '@/domain/address-pool/view'
import type { Action } from '@/components/client/actions'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'

/** What can be done to an address pool; the server refuses for the same reasons. */
export const poolActionsFor = ({ metadata: { name }, status }: Pick<AddressPoolView, 'metadata' | 'status'>, onDelete: () => void): Action[] => [
  { id: 'open', label: 'Show address pool', icon: <Eye className="size-4" />, href: paths.addressPool(name) },
  { id: 'edit', label: 'Edit address pool', icon: <Pencil className="size-4" />, href: paths.editAddressPool(name) },
  { id: 'delete', label: 'Delete address pool', icon: <Trash2 className="size-4" />, danger: true, run: onDelete, disabledReason: status.addressesUsed > 0 ? `Tenants have ${formatCount(status.addressesUsed, 'address', 'addresses')} of it: they must be released first.` : undefined },
]
