'use client'
import { Eye, FileCode2, SlidersHorizontal, Split, Trash2 } from 'lucide-react'
import type { BalancerSource } from '@/domain/load-balancer/view'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

type Named = { source: BalancerSource; metadata: { namespace: string; name: string } }
/** Where the pages of a balancer are. */
export const placeOf = (tenant: string, { source, metadata: { namespace, name } }: Named) => [tenant, source, namespace, name] as const

/** What can be done to a balancer. */
export function balancerActionsFor(tenant: string, balancer: Named, onDelete: () => void): Action[] {
  const at = placeOf(tenant, balancer)
  const { namespace, name } = balancer.metadata
  return [
    { id: 'open', label: 'Show balancer', icon: <Eye className="size-4" />, href: paths.loadBalancer(...at) },
    { id: 'rules', label: 'Edit rules', icon: <Split className="size-4" />, href: paths.editLoadBalancerRules(...at) },
    { id: 'options', label: 'Edit options', icon: <SlidersHorizontal className="size-4" />, href: paths.editLoadBalancerOptions(...at) },
    { id: 'yaml', label: 'Edit YAML', icon: <FileCode2 className="size-4" />, href: paths.applyYaml(tenant, { from: `${balancer.source}/${namespace}/${name}` }) },
    { id: 'delete', label: 'Delete balancer', icon: <Trash2 className="size-4" />, danger: true, run: onDelete },
  ]
}
