'use client'
import Link from 'next/link'
import type { ReactNode } from 'react'
import type { ServiceDetail } from '@/domain/service/view'
import { formatCount, formatSpan, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { Conditions } from '@/components/patterns/conditions'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { StateBadge } from '@/components/ui/state-badge'
import { TextLink } from '@/components/ui/text-link'
import { ServiceBalancer } from './service-balancer'
import { useService } from './service-frame'
import { endpointPorts, namesOf, portText, selectorText, typeName } from './words'

/** Properties, how to reach it, where its connections go now, and conditions. `children` is the form that stands over it. */
export function ServiceOverview({ children }: { children?: ReactNode }) {
  const { tenant, service } = useService()
  const { metadata, spec, status } = service
  const affinity = spec.sessionAffinity === 'ClientIP' ? `For ${formatSpan((spec.sessionAffinityConfig?.clientIP.timeoutSeconds ?? 10_800) * 1000)} after its last connection` : 'None'
  const elsewhere = spec.type === 'ExternalName'
  const badges = (of: Readonly<Record<string, string>>) => Object.keys(of).length > 0 && <span className="flex flex-wrap gap-1">{Object.entries(of).map(([key, value]) => <Badge key={key} mono>{key}={value}</Badge>)}</span>
  return (
    <>
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <Panel title="Properties">
          <Properties>
            <Property name="Addresses">{status.addresses.length > 0 && <span className="flex flex-wrap gap-x-3">{status.addresses.map((address) => <CopyableId key={address} id={address} />)}</span>}</Property>
            <Property name="Type">{typeName(spec)}{spec.externalName && <> · <CopyableId id={spec.externalName} /></>}</Property>
            <Property name="Ports">{spec.ports.length > 0 && <span className="flex flex-wrap gap-x-3">{spec.ports.map((port) => <span key={`${port.port}${port.protocol}`} className="whitespace-nowrap">{port.name && <span className="mr-1 text-faint">{port.name}</span>}<code className="font-mono text-xs">{portText(port)}</code></span>)}</span>}</Property>
            <Property name="Selector">{badges(spec.selector)}</Property>
            <Property name="Network"><TextLink href={paths.network(tenant, status.network)} size="sm">{status.network}</TextLink></Property>
            <Property name="Namespace">{metadata.namespace}</Property>
            <Property name="Same pod for a client">{elsewhere ? null : affinity}</Property>
            <Property name="Connections go to">{elsewhere ? spec.externalName : <>{spec.internalTrafficPolicy === 'Local' ? 'Pods on the client’s host alone' : 'Pods on any host'}{spec.publishNotReadyAddresses && ', ready or not'}</>}</Property>
            <Property name="Labels">{badges(metadata.labels)}</Property>
            <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
            <Property name="UID"><CopyableId id={metadata.uid} /></Property>
          </Properties>
        </Panel>
        <div className="flex flex-col gap-4">
          <ReachPanel service={service} />
          <ServiceBalancer tenant={tenant} service={service} />
        </div>
      </div>
      <EndpointsPanel tenant={tenant} service={service} />
      {status.conditions.length > 0 && <Panel title="Conditions" flush><Conditions conditions={status.conditions} /></Panel>}
      {children}
    </>
  )
}

/** The names that the network's resolver knows, ready to copy. */
function ReachPanel({ service }: { service: ServiceDetail }) {
  const { spec } = service
  const [port] = spec.ports
  const headless = spec.type !== 'ExternalName' && spec.clusterIP === 'None'
  return (
    <Panel title="How to reach it from a pod" description={`Pods of network ${service.status.network}`}>
      <Properties>
        {namesOf(service).map(({ name, from }) => (
          <div key={name} className="col-span-2 border-b border-stroke py-1.5 last:border-0">
            <dt className="text-xs text-faint">{from}</dt>
            <dd><CopyableId id={spec.type === 'ExternalName' || headless || !port || from === 'In full' ? name : `${name}:${port.port}`} /></dd>
          </div>
        ))}
      </Properties>
      {headless && <p className="mt-3 text-xs text-faint">Headless: its name gives the addresses of its pods, and nothing is balanced.</p>}
      {spec.ports.some(({ name }) => name) && <p className="mt-3 text-xs text-faint">Ports by name (SRV): {spec.ports.filter(({ name }) => name).map(({ name, protocol }) => <span key={name} className="mr-2 inline-block"><CopyableId id={`_${name}._${protocol.toLowerCase()}.${service.status.hostname}`} /></span>)}</p>}
    </Panel>
  )
}

function EndpointsPanel({ tenant, service: { metadata, spec, endpoints } }: { tenant: string; service: ServiceDetail }) {
  if (spec.type === 'ExternalName') return null
  const ready = endpoints.filter((each) => each.ready).length
  const chosen = Object.keys(spec.selector).length > 0
  return (
    <Panel title="Endpoints" description={endpoints.length > 0 ? `${ready} of ${formatCount(endpoints.length, 'endpoint')} ready` : undefined} flush>
      <SimpleTable
        label="Endpoints"
        heads={['State', 'Address', 'Pod', 'Ports', 'Host']}
        rows={endpoints.map((endpoint) => ({
          key: `${endpoint.address} ${endpoint.ready}`,
          cells: [
            <StateBadge key="state" shape={endpoint.ready ? 'running' : 'unknown'}>{endpoint.ready ? 'Ready' : 'Not ready'}</StateBadge>,
            <CopyableId key="address" id={endpoint.address} />,
            endpoint.pod ? <TextLink key="pod" href={paths.pod(tenant, endpoint.pod.namespace, endpoint.pod.name)} size="sm" className="whitespace-nowrap">{endpoint.pod.name}</TextLink> : <span key="pod" title="Written by hand">{NOTHING}</span>,
            <code key="ports" className="font-mono text-xs">{endpointPorts(endpoint) || NOTHING}</code>,
            endpoint.host ?? NOTHING,
          ],
        }))}
        empty={chosen
          ? <p>No pod of namespace {metadata.namespace} has the labels <code className="font-mono text-xs">{selectorText(spec.selector)}</code>. <Link href={paths.pods(tenant, { namespace: metadata.namespace })} className="text-accent-content underline">Show pods</Link></p>
          : <p>Without a selector its endpoints are written by hand: apply Endpoints of the same name.</p>}
      />
    </Panel>
  )
}
