'use client'
import type { BalancerDetail } from '@/domain/load-balancer/view'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { StateBadge } from '@/components/ui/state-badge'
import { TextLink } from '@/components/ui/text-link'
import { addressText, healthLook } from './balancer-words'

/** Who takes connections now, as the balancer itself sees them: a panel for each service behind it. */
export function BackendsPanels({ tenant, balancer: { metadata, backends } }: { tenant: string; balancer: BalancerDetail }) {
  if (backends.length === 0) return <Panel title="Backends"><p className="text-sm text-faint">Nothing is behind it yet: it has no rule that leads to a service.</p></Panel>
  return backends.map((backend) => <BackendPanel key={backend.name} tenant={tenant} namespace={metadata.namespace} backend={backend} />)
}

function BackendPanel({ tenant, namespace, backend: { service, port, servers } }: { tenant: string; namespace: string; backend: BalancerDetail['backends'][number] }) {
  const up = servers.filter(({ health }) => health === 'up').length
  const href = paths.service(tenant, namespace, service)
  return (
    <Panel
      title={`Backends: ${service}:${port}`}
      description={servers.length > 0 ? `${up} of ${formatCount(servers.length, 'pod')} up` : undefined}
      actions={<TextLink href={href}>Show service</TextLink>}
      flush
    >
      <SimpleTable
        label={`Backends of ${service}:${port}`}
        heads={['Health', 'Pod', 'Address', 'Weight', 'Connections', 'Since']}
        rows={servers.map((server) => {
          const look = healthLook[server.health]
          return {
            key: addressText(server.address, server.port),
            cells: [
              <StateBadge key="health" shape={look.shape}>{look.text}</StateBadge>,
              server.pod ? <TextLink key="pod" size="sm" href={paths.pod(tenant, server.pod.namespace, server.pod.name)} className="whitespace-nowrap">{server.pod.name}</TextLink> : <span key="pod" title="Written by hand">{NOTHING}</span>,
              <CopyableId key="address" id={addressText(server.address, server.port)} />,
              <span key="weight" className="tabular-nums" title={server.weight === 0 ? 'It gets nothing new' : undefined}>{server.weight}{server.weight === 0 && <span className="ml-1.5 text-xs text-faint">nothing new</span>}</span>,
              <span key="connections" className="tabular-nums">{server.connections === null ? NOTHING : server.connections.toLocaleString('en')}</span>,
              <Ago key="since" time={server.since} />,
            ],
          }
        })}
        empty={<p>No pod of {service} is ready: clients of http get 503, and others no connection. <TextLink size="sm" href={href}>See which pods it selects</TextLink></p>}
      />
    </Panel>
  )
}
