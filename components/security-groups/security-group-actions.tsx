'use client'
import { Eye, ListPlus, Trash2 } from 'lucide-react'
import type { SecurityGroupView } from '@/domain/security-group/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

/** What can be done to a security group. */
export const securityGroupActionsFor = (tenant: string, { metadata: { name } }: Pick<SecurityGroupView, 'metadata'>, onDelete: () => void): Action[] => [
  { id: 'open', label: 'Show security group', icon: <Eye className="size-4" />, href: paths.securityGroup(tenant, name) },
  { id: 'rules', label: 'Edit rules', icon: <ListPlus className="size-4" />, href: paths.securityGroupRules(tenant, name) },
  { id: 'delete', label: 'Delete security group', icon: <Trash2 className="size-4" />, danger: true, run: onDelete },
]
