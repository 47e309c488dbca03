'use client'
import { Eye, FileCode2, Trash2 } from 'lucide-react'
import type { NetworkPolicyView } from '@/domain/network-policy/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

/** What can be done to a network policy. */
export const networkPolicyActionsFor = (tenant: string, { metadata: { namespace, name } }: Pick<NetworkPolicyView, 'metadata'>, onDelete: () => void): Action[] => [
  { id: 'open', label: 'Show network policy', icon: <Eye className="size-4" />, href: paths.networkPolicy(tenant, namespace, name) },
  { id: 'edit', label: 'Edit as YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `NetworkPolicy/${namespace}/${name}` }) },
  { id: 'delete', label: 'Delete network policy', icon: <Trash2 className="size-4" />, danger: true, run: onDelete },
]
