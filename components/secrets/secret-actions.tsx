'use client'
import { Eye, Pencil, Trash2 } from 'lucide-react'
import type { SecretSummary } from '@/domain/config-map/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

/** What can be done to a Secret. */
export const secretActionsFor = (tenant: string, { metadata: { namespace, name }, immutable }: Pick<SecretSummary, 'metadata' | 'immutable'>, onDelete: () => void): Action[] => [
  { id: 'open', label: 'Show Secret', icon: <Eye className="size-4" />, href: paths.secret(tenant, namespace, name) },
  { id: 'edit', label: 'Edit Secret', icon: <Pencil className="size-4" />, href: paths.editSecret(tenant, namespace, name), disabledReason: immutable ? 'It is immutable: create another one and name that in the pods.' : undefined },
  { id: 'delete', label: 'Delete Secret', icon: <Trash2 className="size-4" />, danger: true, run: onDelete },
]
