import type { DecidingRule } from '@/domain/network/reachability'
import { paths } from '@/components/client/paths'
import { TextLink } from '@/components/ui/text-link'

const nouns = { Network: 'Network', SecurityGroup: 'Security group', NetworkPolicy: 'Network policy', NetworkPeering: 'Peerings of', Service: 'Service' } as const

/** Leads to the object that a step speaks of, and to the place in it. */
export function RuleLink({ tenant, network, rule }: { tenant: string; network: string; rule: DecidingRule }) {
  const { kind, namespace, name, path } = rule
  const place = /^spec\.rules\[(\d+)\]$/.exec(path)?.[1]
  const href = kind === 'SecurityGroup' ? paths.securityGroup(tenant, name, { rule: place })
    : kind === 'NetworkPolicy' ? paths.networkPolicy(tenant, namespace ?? 'default', name)
      : kind === 'Service' ? paths.service(tenant, namespace ?? 'default', name)
        : kind === 'NetworkPeering' ? paths.networkPeerings(tenant, network) : paths.network(tenant, name)
  return (
    <span className="inline-flex flex-wrap items-center gap-x-1.5">
      <TextLink href={href}>{nouns[kind]} {kind === 'NetworkPeering' ? network : name}</TextLink>
      {kind !== 'NetworkPeering' && path.startsWith('spec.') && <code className="font-mono text-2xs text-faint">{path}</code>}
    </span>
  )
}
