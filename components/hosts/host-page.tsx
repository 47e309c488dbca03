'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { isMissing, toFailure } from '@/components/client/errors'
import { formatCount, formatMebibytes } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { Conditions } from '@/components/patterns/conditions'
import { QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago, Exact } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Progress } from '@/components/ui/progress'
import { Skeleton } from '@/components/ui/skeleton'
import { notify } from '@/components/ui/toast'
import { HostState } from './host-state'
import { LostHost } from './lost-host'

/** One host: what it is, how full it is, what runs on it. */
export function HostPage({ name }: { name: string }) {
  const trpc = useTRPC()
  const host = useQuery({ ...trpc.host.get.queryOptions({ name }), refetchInterval: 10_000 })
  const { data } = host
  if (!data && host.error) return isMissing(host.error) ? <EmptyState title={`No host “${name}”`} /> : <QueryFailure error={host.error} title={`Host ${name} cannot be shown`} onRetry={() => void host.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  const { status } = data
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} beside={<HostState host={data} />} primary={<><LostHost host={data} pods={data.podCount} volumes={data.volumes} /><Cordon name={name} unschedulable={data.spec.unschedulable} /></>} />
      {status.lostSince !== null && <Callout tone="notice" title="It was declared lost">Since <Exact time={status.lostSince} /> it is not let in, its pods have failed, and volumes on its disk are out of reach. Where the machine comes back with its disk, readmit it: it removes what is left of those pods, and its volumes are there again.</Callout>}
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <Panel title="Properties">
          <Properties>
            <Property name="Accelerator">{status.accelerator && <span><Badge mono>{status.accelerator}</Badge> <span className="text-faint">{status.acceleratorReason}</span></span>}</Property>
            <Property name="Hypervisor">{status.hypervisorVersion}</Property>
            <Property name="Host kernel">{status.kernelVersion}</Property>
            <Property name="Guest">{status.guestVersion}</Property>
            <Property name="Agent">{status.agentVersion}</Property>
            <Property name="Heard from"><Ago time={status.lastHeartbeat} /></Property>
            {data.volumes.onDisk > 0 && <Property name="On its disk">{formatCount(data.volumes.onDisk, 'volume')}</Property>}
            {data.removals > 0 && <Property name="To remove from its disk">{formatCount(data.removals, 'removed volume or snapshot', 'removed volumes and snapshots')}</Property>}
            <Property name="Joined"><Ago time={data.metadata.creationTimestamp} /></Property>
            <Property name="UID"><CopyableId id={data.metadata.uid} /></Property>
          </Properties>
        </Panel>
        <Panel title="Capacity" description="What bound pods take, with the hypervisor’s overhead">
          <div className="flex flex-col gap-4">
            <Gauge name="Memory" used={status.used.memoryMiB} of={status.capacity.memoryMiB} text={`${formatMebibytes(status.used.memoryMiB)} of ${formatMebibytes(status.capacity.memoryMiB)}`} />
            <Gauge name="CPU" used={status.used.milliCpu} of={status.capacity.cpus * 1000} text={`${(status.used.milliCpu / 1000).toLocaleString('en', { maximumFractionDigits: 2 })} of ${status.capacity.cpus} vCPU`} />
            <p className="flex justify-between text-sm"><span className="text-faint">Disk for images and pods</span><span>{formatMebibytes(status.capacity.diskMiB)}</span></p>
          </div>
        </Panel>
      </div>
      <Panel title="Pods" description={`${formatCount(data.podCount, 'pod')}${data.podCount > data.pods.length ? `, the newest ${data.pods.length} of which are shown` : ''}`} flush>
        <SimpleTable
          label="Pods on this host"
          heads={['Name', 'Tenant', 'Namespace', 'State', 'Created']}
          rows={data.pods.map((pod) => ({ key: `${pod.tenant}/${pod.namespace}/${pod.name}`, cells: [<span key="name" className="font-medium text-content">{pod.name}</span>, pod.tenant, pod.namespace, pod.phase, <Ago key="created" time={pod.creationTimestamp} />] }))}
          empty="No pod runs here."
        />
      </Panel>
      <Panel title="Conditions" flush><Conditions conditions={status.conditions} /></Panel>
    </div>
  )
}

function Gauge({ name, used, of, text }: { name: string; used: number; of: number; text: string }) {
  const share = of > 0 ? used / of : 0
  return (
    <div className="flex flex-col gap-1.5">
      <p className="flex justify-between text-sm"><span className="text-faint">{name}</span><span>{text}</span></p>
      <Progress label={name} value={used} max={of} tone={share > 0.95 ? 'error' : share > 0.8 ? 'notice' : 'accent'} className="h-1.5 w-full" />
    </div>
  )
}

function Cordon({ name, unschedulable }: { name: string; unschedulable: boolean }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [pending, setPending] = useState(false)
  const change = async () => {
    setPending(true)
    try {
      await api.host.update.mutate({ name, unschedulable: !unschedulable })
      await queries.invalidateQueries({ queryKey: trpc.host.pathKey() })
    } catch (error) {
      void notify({ title: 'The host was not changed', detail: toFailure(error).message, tone: 'error' })
    }
    setPending(false)
  }
  return <Button pending={pending} onClick={() => void change()}>{unschedulable ? 'Take new pods' : 'Stop taking new pods'}</Button>
}
