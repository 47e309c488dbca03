'use client'
import { useState } from 'react'
import type { NetworkTopology } from '@/domain/network/topology'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Button } from '@/components/ui/button'
import { Panel } from '@/components/ui/panel'
import { StateBadge } from '@/components/ui/state-badge'
import { TextLink } from '@/components/ui/text-link'
import { ipv4First, usedOf } from '../capacity'
import { isHeld, servicesByPod } from './groups'
import { lookOf } from './pod-look'
import type { WaysIn } from './ways-in'
import { outsideWords } from './words'

const mono = (texts: readonly string[]) => texts.length === 0 ? NOTHING : <span className="flex flex-col font-mono text-xs">{texts.map((text) => <code key={text}>{text}</code>)}</span>
const step = 100

/** Everything that the drawing shows, as tables. */
export function TopologyTables({ tenant, topology, ways }: { tenant: string; topology: NetworkTopology; ways: WaysIn }) {
  const { network, subnets, pods, services, routes, peers } = topology
  const [shown, setShown] = useState(step)
  const served = servicesByPod(services)
  const nameOf = new Map(pods.map((pod) => [pod.uid, pod.name]))
  return (
    <div className="flex flex-col gap-4">
      <Panel title="Around it" flush>
        <SimpleTable
          label="Outside and peers"
          heads={['What', 'Name', 'State']}
          rows={[
            { key: 'outside', cells: ['Outside', outsideWords(network.outbound, ways.addresses.length).title, outsideWords(network.outbound, ways.addresses.length).detail] },
            ...peers.map((peer) => ({ key: peer.name, cells: ['Peer', <TextLink key="name" href={paths.networkPeerings(tenant, network.name)} size="sm">{peer.network}{peer.tenant && peer.tenant !== tenant && ` of ${peer.tenant}`}</TextLink>, <StateBadge key="state" shape={peer.active ? 'running' : 'unknown'}>{peer.active ? 'Active' : 'Not active'}</StateBadge>] })),
            ...routes.map((route) => ({ key: route.destination, cells: ['Route', <code key="to" className="font-mono text-xs">{route.destination}</code>, <span key="via">{isHeld(topology, route.via) ? 'via' : 'no pod holds'} <code className="font-mono text-xs">{route.via}</code></span>] })),
          ]}
          empty={NOTHING}
        />
      </Panel>
      {(ways.addresses.length > 0 || ways.balancers.length > 0) && <WaysTable tenant={tenant} ways={ways} nameOf={nameOf} />}
      <Panel title="Subnets" description={formatCount(subnets.length, 'subnet')} flush>
        <SimpleTable
          label="Subnets"
          heads={['Name', 'CIDR', 'Gateway', 'Addresses']}
          rows={ipv4First(subnets).map((subnet) => ({ key: subnet.name, cells: [subnet.name, mono([subnet.cidr]), mono([subnet.gateway]), usedOf(subnet.used, subnet.total)] }))}
          empty={NOTHING}
        />
      </Panel>
      <Panel title="Services" description={formatCount(services.length, 'service')} flush>
        <SimpleTable
          label="Services"
          heads={['Name', 'Namespace', 'Addresses', 'Ports', 'Pods']}
          rows={services.map((service) => ({
            key: service.uid,
            cells: [<TextLink key="name" href={paths.service(tenant, service.namespace, service.name)} size="sm" className="font-medium">{service.name}</TextLink>, service.namespace, mono(service.externalName === null ? service.addresses : [service.externalName]), service.ports.join(', ') || NOTHING, service.pods.length === 0 ? NOTHING : `${service.pods.slice(0, 5).map((uid) => nameOf.get(uid) ?? '').filter(Boolean).join(', ')}${service.pods.length > 5 ? ` + ${service.pods.length - 5}` : ''}`],
          }))}
          empty="No service is in this network yet."
        />
      </Panel>
      <Panel title="Pods" description={formatCount(pods.length, 'pod')} flush>
        <SimpleTable
          label="Pods"
          heads={['Name', 'Namespace', 'State', 'Addresses', 'Services', 'Security groups']}
          rows={pods.slice(0, shown).map((pod) => ({
            key: pod.uid,
            cells: [<TextLink key="name" href={paths.pod(tenant, pod.namespace, pod.name)} size="sm" className="font-medium">{pod.name}</TextLink>, pod.namespace, <StateBadge key="state" shape={lookOf(pod).shape}>{lookOf(pod).word}</StateBadge>, mono(pod.addresses.map(({ address }) => address)), served.get(pod.uid)?.map(({ name }) => name).join(', ') ?? NOTHING, pod.securityGroups.join(', ') || NOTHING],
          }))}
          empty="No pod uses this network yet."
        />
        {pods.length > shown && <div className="border-t border-stroke px-4 py-2"><Button size="sm" onClick={() => setShown(shown + step)}>{`Show ${Math.min(step, pods.length - shown)} more`}</Button></div>}
      </Panel>
    </div>
  )
}

function WaysTable({ tenant, ways: { addresses, balancers }, nameOf }: { tenant: string; ways: WaysIn; nameOf: ReadonlyMap<string, string> }) {
  const balancerOf = new Map(balancers.map((each) => [each.id, each]))
  return (
    <Panel title="Ways in" description={`${formatCount(addresses.length, 'floating address', 'floating addresses')}, ${formatCount(balancers.length, 'balancer')}`} flush>
      <SimpleTable
        label="Ways in"
        heads={['What', 'Name', 'Address or ports', 'State', 'Leads to']}
        rows={[
          ...addresses.map(({ uid, name, address, active, to }) => ({ key: uid, cells: ['Floating address', <TextLink key="name" size="sm" href={paths.floatingAddress(tenant, name)}>{name}</TextLink>, mono([address]), active ? 'Active' : 'Not active', to.kind === 'pod' ? `pod ${nameOf.get(to.id) ?? NOTHING}` : `balancer ${balancerOf.get(to.id)?.name ?? NOTHING}`] })),
          ...balancers.map(({ id, source, namespace, name, listeners, phase, pods }) => ({ key: id, cells: ['Balancer', <TextLink key="name" size="sm" href={paths.loadBalancer(tenant, source, namespace, name)}>{name}</TextLink>, mono(listeners), phase, formatCount(pods.length, 'pod')] })),
        ]}
        empty={NOTHING}
      />
    </Panel>
  )
}
