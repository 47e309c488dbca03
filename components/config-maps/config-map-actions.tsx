'use client'
import { Eye, Pencil, Trash2 } from 'lucide-react'
import type { ConfigMapSummary } from '@/domain/config-map/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

/** What can be done to a ConfigMap. */
export const configMapActionsFor = (tenant: string, { metadata: { namespace, name }, immutable }: Pick<ConfigMapSummary, 'metadata' | 'immutable'>, onDelete: () => void): Action[] => [
  { id: 'open', label: 'Show ConfigMap', icon: <Eye className="size-4" />, href: paths.configMap(tenant, namespace, name) },
  { id: 'edit', label: 'Edit ConfigMap', icon: <Pencil className="size-4" />, href: paths.editConfigMap(tenant, namespace, name), disabledReason: immutable ? 'It is immutable: create another one and name that in the pods.' : undefined },
  { id: 'delete', label: 'Delete ConfigMap', icon: <Trash2 className="size-4" />, danger: true, run: onDelete },
]
