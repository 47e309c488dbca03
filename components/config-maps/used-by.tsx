'use client'
import type { PodUse } from '@/domain/config-map/view'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'

/** The pods that name a ConfigMap or Secret. */
export function UsedBy({ tenant, pods, usedBy, children }: { tenant: string; pods: number; usedBy: readonly PodUse[]; children: string }) {
  return (
    <Panel title="Pods" description={pods > usedBy.length ? `${formatCount(pods, 'pod')} name it; the first ${usedBy.length}` : formatCount(pods, 'pod')} flush>
      <SimpleTable
        label="Pods that name it"
        heads={['Name', 'Namespace']}
        rows={usedBy.map((pod) => ({ key: pod.name, cells: [<TextLink key="name" href={paths.pod(tenant, pod.namespace, pod.name)} className="text-sm font-medium">{pod.name}</TextLink>, pod.namespace] }))}
        empty={children}
      />
    </Panel>
  )
}

/** What follows for pods when an object goes: the lines of a delete dialog. */
export function podConsequences(pods: number, usedBy: readonly PodUse[]): string[] {
  if (pods === 0) return ['No pod names it.']
  const names = usedBy.slice(0, 5).map((pod) => pod.name).join(', ')
  return [
    `${formatCount(pods, 'pod')} ${pods === 1 ? 'names' : 'name'} it: ${names}${pods > 5 ? ` and ${(pods - 5).toLocaleString('en')} more` : ''}.`,
    'Containers that run keep what they have; those that start wait until it is there again, unless the reference is optional.',
  ]
}
