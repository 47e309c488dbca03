'use client'
import { useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import { lastEndOf } from '@/domain/pod/ends'
import { nextAction } from '@/domain/pod/next-actions'
import { podSize } from '@/domain/pod/size'
import { formatMebibytes, formatVcpus } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { PodFloatingAddresses } from '@/components/floating-addresses/pod-addresses'
import { Conditions } from '@/components/patterns/conditions'
import { EventsList } from '@/components/patterns/events-list'
import { Properties, Property } from '@/components/patterns/properties'
import { Ago } from '@/components/patterns/time'
import { ReachabilityLink } from '@/components/reachability/reachability-link'
import { PodServices } from '@/components/services/pod-services'
import { Badge } from '@/components/ui/badge'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { PodVolumes } from '@/components/volumes/pod-volumes'
import { ContainersTable } from './containers-table'
import { CrashPanel } from './crash-panel'
import { NextActionFor } from './next-action-links'
import { usePod } from './pod-frame'
import { StartSteps } from './start-steps'

/** Properties, containers, how the start went, conditions, and what happened last. */
export function PodOverview() {
  const { tenant, pod } = usePod()
  const { metadata, spec, status } = pod
  const trpc = useTRPC()
  const events = useQuery(trpc.event.list.queryOptions({ tenant, kind: 'Pod', namespace: metadata.namespace, name: metadata.name, limit: 6 }))
  const size = podSize(spec)
  const groups = spec.network?.securityGroups ?? []
  // What the card of a container that ended says already is not said again above it.
  const toldByCrash = status.containers.some((c) => c.message === status.message && lastEndOf(c) !== null)
  const told = new Set([status.message, ...status.containers.flatMap((c) => (lastEndOf(c) ? c.message : []))])
  const failed = status.phase === 'Failed' || status.phase === 'Unschedulable' || status.phase === 'Unknown'
  return (
    <>
      <CrashPanel tenant={tenant} pod={pod} />
      {status.message && !toldByCrash && <Callout tone={failed ? 'error' : nextAction(status.reason) ? 'notice' : 'info'} title={status.reason || status.phase}><p className="whitespace-pre-line">{status.message}</p><NextActionFor reason={status.reason} tenant={tenant} pod={pod} /></Callout>}
      <div className="grid grid-cols-1 gap-4 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
        <Panel title="Properties">
          <Properties>
            <Property name="Address">{status.podIPs.length > 0 && <span className="flex flex-wrap items-center gap-x-3">{status.podIPs.map((address) => <CopyableId key={address} id={address} />)}<ReachabilityLink tenant={tenant} namespace={metadata.namespace} name={metadata.name} /></span>}</Property>
            <Property name="Floating address"><PodFloatingAddresses tenant={tenant} pod={pod} /></Property>
            <Property name="Services"><PodServices tenant={tenant} pod={pod} /></Property>
            {groups.length > 0 && <Property name="Security groups"><span className="flex flex-wrap gap-x-3">{groups.map((group) => <Link key={group} href={paths.securityGroup(tenant, group)} className="inline-flex min-h-6 items-center text-accent-content hover:underline">{group}</Link>)}</span></Property>}
            <Property name="Virtual machine">{formatVcpus(size.vcpus)}, {formatMebibytes(size.memoryMiB)}{status.startMode && <Badge className="ml-2">{status.startMode === 'template' ? 'started from a template' : 'cold boot'}</Badge>}</Property>
            <Property name="Namespace"><Link href={paths.pods(tenant, { namespace: metadata.namespace })} className="text-accent-content hover:underline">{metadata.namespace}</Link></Property>
            <Property name="Host">{status.hostName && <span>{status.hostName}{status.accelerator && <span className="text-faint"> · {status.accelerator}</span>}</span>}</Property>
            <Property name="Restart policy">{spec.restartPolicy}</Property>
            <Property name="Labels">{Object.keys(metadata.labels).length > 0 && <span className="flex flex-wrap gap-1">{Object.entries(metadata.labels).map(([key, value]) => <Badge key={key} mono>{key}={value}</Badge>)}</span>}</Property>
            <Property name="Created"><Ago time={metadata.creationTimestamp} /></Property>
            <Property name="UID"><CopyableId id={metadata.uid} /></Property>
          </Properties>
        </Panel>
        <Panel title="Start" description="From the accepted request to the first process"><StartSteps pod={pod} /></Panel>
      </div>
      <Panel title="Containers" flush><ContainersTable pod={pod} told={told} /></Panel>
      <PodVolumes tenant={tenant} pod={pod} />
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
        <Panel title="Conditions" flush><Conditions conditions={status.conditions} next={(each) => !told.has(each.message) && <NextActionFor reason={each.reason} tenant={tenant} pod={pod} />} /></Panel>
        <Panel title="Latest events" flush actions={<Link href={paths.podEvents(tenant, metadata.namespace, metadata.name)} className="inline-flex h-6 items-center text-xs text-accent-content hover:underline">All events</Link>}>
          {events.data && <EventsList events={events.data.items} />}
        </Panel>
      </div>
    </>
  )
}
