'use client'
import { useQuery } from '@tanstack/react-query'
import { Fragment, type ReactNode } from 'react'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { PeeringState } from '@/components/network-peerings/peering-state'
import { Conditions } from '@/components/patterns/conditions'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { Progress } from '@/components/ui/progress'
import { TextLink } from '@/components/ui/text-link'
import { ipv4First, usedOf } from './capacity'
import { useNetwork } from './network-frame'
import { OutboundPanel } from './outbound-panel'

/** Properties, subnets with what is used of them, routes, outbound switch, peers and conditions. `children` is the form that stands over it. */
export function NetworkOverview({ children }: { children?: ReactNode }) {
  const { tenant, network } = useNetwork()
  const { metadata, spec, status } = network
  const topology = useQuery(useTRPC().network.topology.queryOptions({ tenant, name: metadata.name }))
  return (
    <>
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <Panel title="Properties">
          <Properties>
            <Property name="Pods">{status.pods > 0 && <TextLink href={paths.networkPods(tenant, metadata.name)} size="sm">{formatCount(status.pods, 'pod')}</TextLink>}</Property>
            <Property name="Namespaces">{status.namespaces.length > 0 && status.namespaces.map((name, i) => <Fragment key={name}>{i > 0 && ', '}<TextLink href={paths.pods(tenant, { namespace: name })} size="sm">{name}</TextLink></Fragment>)}</Property>
            <Property name="Service addresses"><Codes texts={topology.data?.network.serviceCIDRs ?? spec.serviceCIDRs ?? []} /></Property>
            <Property name="DNS domain"><CopyableId id={spec.dns.domain} /></Property>
            <Property name="Other names">{spec.dns.upstream ? spec.dns.nameservers.length > 0 ? <span className="inline-flex flex-wrap items-center gap-x-2">Asked of <Codes texts={spec.dns.nameservers} /></span> : 'Asked of the host’s resolvers' : 'Not resolved'}</Property>
            <Property name="MTU">{spec.mtu} B</Property>
            <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
            <Property name="UID"><CopyableId id={metadata.uid} /></Property>
          </Properties>
        </Panel>
        <div className="flex flex-col gap-4">
          <OutboundPanel tenant={tenant} name={metadata.name} outbound={spec.outbound} />
          <PeersPanel tenant={tenant} name={metadata.name} />
          {spec.routes.length > 0 && (
            <Panel title="Routes" flush>
              <SimpleTable label="Routes" heads={['Destination', 'Via']} rows={spec.routes.map((route) => ({ key: route.destination, cells: [<CopyableId key="to" id={route.destination} />, <CopyableId key="via" id={route.via} />] }))} empty={NOTHING} />
            </Panel>
          )}
        </div>
      </div>
      <SubnetsPanel />
      {status.conditions.length > 0 && <Panel title="Conditions" flush><Conditions conditions={status.conditions} /></Panel>}
      {children}
    </>
  )
}

const Codes = ({ texts }: { texts: readonly string[] }) => texts.length === 0 ? NOTHING : <span className="inline-flex flex-wrap gap-x-3">{texts.map((text) => <CopyableId key={text} id={text} />)}</span>

function SubnetsPanel() {
  const { tenant, network: { metadata: { name }, spec } } = useNetwork()
  const trpc = useTRPC()
  const { data } = useQuery(trpc.network.topology.queryOptions({ tenant, name }))
  const usage = (subnet: string) => data?.subnets.find((each) => each.name === subnet)
  const subnets = ipv4First(Object.entries(spec.subnets).map(([subnet, each]) => ({ name: subnet, ...each })))
  return (
    <Panel title="Subnets" description={formatCount(subnets.length, 'subnet')} flush>
      <SimpleTable
        label="Subnets"
        heads={['Name', 'CIDR', 'Gateway', 'Given to pods', 'Addresses used']}
        rows={subnets.map((subnet) => {
          const used = usage(subnet.name)
          return {
            key: subnet.name,
            cells: [
              <span key="name" className="font-medium">{subnet.name}</span>,
              <CopyableId key="cidr" id={subnet.cidr} />,
              <CopyableId key="gateway" id={subnet.gateway} />,
              subnet.allocationRanges ? <span key="ranges" className="flex flex-col py-1 font-mono text-xs">{subnet.allocationRanges.map(({ start, end }) => <span key={start}>{start} – {end}</span>)}</span> : 'All',
              used
                ? (
                  <span key="used" className="flex items-center gap-3 whitespace-nowrap">
                    <Progress label={`Addresses used in ${subnet.name}`} value={used.used} max={used.total} tone={used.used / used.total > 0.9 ? 'notice' : 'accent'} className="h-1 w-24" />
                    {usedOf(used.used, used.total)}
                  </span>
                )
                : NOTHING,
            ],
          }
        })}
        empty={NOTHING}
      />
    </Panel>
  )
}

function PeersPanel({ tenant, name }: { tenant: string; name: string }) {
  const trpc = useTRPC()
  const { data } = useQuery(trpc.networkPeering.list.queryOptions({ tenant, network: name }))
  if (!data || data.items.length === 0) return null
  return (
    <Panel title="Peerings" description={formatCount(data.items.length, 'peering')} flush actions={<TextLink href={paths.networkPeerings(tenant, name)}>All peerings</TextLink>}>
      <SimpleTable
        label="Peerings"
        heads={['Name', 'Network', 'State']}
        rows={data.items.slice(0, 5).map((peering) => ({ key: peering.metadata.uid, cells: [peering.metadata.name, `${peering.spec.peer.network}${peering.spec.peer.tenant ? ` of ${peering.status.peerTenant}` : ''}`, <PeeringState key="state" peering={peering} />] }))}
        empty={NOTHING}
      />
    </Panel>
  )
}
