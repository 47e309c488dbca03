'use client'
import { Copy, FileCode2, Pencil, ScrollText, SquareTerminal, Trash2 } from 'lucide-react'
import type { PodView } from '@/domain/pod/view'
import { podActions } from '@/domain/pod/transitions'
import type { Action } from '@/components/client/actions'
import { paths } from '@/components/client/paths'

const why = (reason: string | null): string | undefined => reason ?? undefined

/** What can be done to a pod; the same table decides on the server. */
export function podActionsFor(tenant: string, pod: PodView, onDelete: (pod: PodView) => void): Action[] {
  const { namespace, name } = pod.metadata
  return [
    { id: 'terminal', label: 'Open terminal', icon: <SquareTerminal className="size-4" />, href: paths.podTerminal(tenant, namespace, name), disabledReason: why(podActions.openTerminal(pod)) },
    { id: 'logs', label: 'Read logs', icon: <ScrollText className="size-4" />, href: paths.podLogs(tenant, namespace, name), disabledReason: why(podActions.readLogs(pod)) },
    { id: 'yaml', label: 'View YAML', icon: <FileCode2 className="size-4" />, href: paths.podYaml(tenant, namespace, name) },
    { id: 'edit', label: 'Edit and re-create', icon: <Pencil className="size-4" />, href: paths.podYaml(tenant, namespace, name, { edit: '1' }), disabledReason: why(podActions.recreate(pod)) },
    { id: 'copy', label: 'Copy pod', icon: <Copy className="size-4" />, href: paths.newPod(tenant, { from: `${namespace}/${name}` }) },
    { id: 'delete', label: 'Delete pod', icon: <Trash2 className="size-4" />, danger: true, run: () => onDelete(pod), disabledReason: why(podActions.delete(pod)) },
  ]
}
