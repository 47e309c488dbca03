'use client'
import { Eye, FileCode2, Pencil, Trash2 } from 'lucide-react'
import type { ServiceView } from '@/domain/service/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

/** What can be done to a service. */
export const serviceActionsFor = (tenant: string, { metadata: { namespace, name }, spec }: Pick<ServiceView, 'metadata' | 'spec'>, onDelete: () => void): Action[] => [
  { id: 'open', label: 'Show service', icon: <Eye className="size-4" />, href: paths.service(tenant, namespace, name) },
  { id: 'edit', label: 'Edit service', icon: <Pencil className="size-4" />, href: paths.editService(tenant, namespace, name), disabledReason: spec.type === 'ExternalName' ? 'It is a name of something elsewhere and has no ports or pods: edit its YAML.' : undefined },
  { id: 'yaml', label: 'Edit YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `Service/${namespace}/${name}` }) },
  { id: 'delete', label: 'Delete service', icon: <Trash2 className="size-4" />, danger: true, run: onDelete },
]
