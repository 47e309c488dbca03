'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState } from 'react'
import { podSubnet } from '@/domain/network/spec'
import { useOfferActions } from '@/components/client/actions'
import { isMissing, toFailure } from '@/components/client/errors'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import { Conditions } from '@/components/patterns/conditions'
import { QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { Switch } from '@/components/ui/checkbox'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Progress } from '@/components/ui/progress'
import { Skeleton } from '@/components/ui/skeleton'
import { notify } from '@/components/ui/toast'
import { DeleteNetwork } from './delete-network'
import { networkActionsFor } from './network-actions'

/** One network: subnet, outbound switch, the pods in it. */
export function NetworkPage({ tenant, name }: { tenant: string; name: string }) {
  const trpc = useTRPC()
  const router = useRouter()
  const network = useQuery(trpc.network.get.queryOptions({ tenant, name }))
  useRefreshOnPodEvents(tenant, trpc.network.get.queryKey({ tenant, name }))
  const [deleting, setDeleting] = useState(false)
  const { data } = network
  const actions = useMemo(() => (data ? networkActionsFor(tenant, data, () => setDeleting(true)).filter((action) => action.id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  if (network.error && !data) return isMissing(network.error) ? <EmptyState title={`No network “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={network.error} title={`Network ${name} cannot be shown`} onRetry={() => void network.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  const subnet = podSubnet(data.spec)
  const { addressesUsed, addressesTotal } = data.status
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} actions={actions} prominent={1} />
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        <Panel title="Properties">
          <Properties>
            <Property name="Subnet"><CopyableId id={subnet.cidr} /></Property>
            <Property name="Gateway"><CopyableId id={subnet.gateway} /></Property>
            <Property name="Addresses">
              <span className="flex items-center gap-3">
                <span className="whitespace-nowrap">{addressesUsed.toLocaleString('en')} of {addressesTotal.toLocaleString('en')} used</span>
                <Progress label="Addresses used" value={addressesUsed} max={addressesTotal} tone={addressesUsed / addressesTotal > 0.9 ? 'notice' : 'accent'} className="h-1 w-40" />
              </span>
            </Property>
            <Property name="Namespaces">{data.status.namespaces.join(', ')}</Property>
            <Property name="Created"><Ago time={data.metadata.creationTimestamp} /></Property>
            <Property name="UID"><CopyableId id={data.metadata.uid} /></Property>
          </Properties>
        </Panel>
        <OutboundPanel tenant={tenant} name={name} outbound={data.spec.outbound} />
      </div>
      <Panel title="Pods" description={formatCount(data.pods.length, 'pod')} flush>
        <SimpleTable
          label="Pods in this network"
          heads={['Name', 'Namespace', 'Address', 'MAC']}
          rows={data.pods.map((pod) => ({
            key: `${pod.namespace}/${pod.name}`,
            cells: [
              <Link key="name" href={paths.pod(tenant, pod.namespace, pod.name)} className="inline-flex min-h-6 items-center font-medium hover:text-accent-content hover:underline">{pod.name}</Link>,
              pod.namespace,
              pod.address ? <CopyableId key="address" id={pod.address} /> : NOTHING,
              pod.mac ? <code key="mac" className="font-mono text-xs">{pod.mac}</code> : NOTHING,
            ],
          }))}
          empty="No pod uses this network yet."
        />
      </Panel>
      {data.status.conditions.length > 0 && <Panel title="Conditions" flush><Conditions conditions={data.status.conditions} /></Panel>}
      {deleting && <DeleteNetwork tenant={tenant} network={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.networks(tenant))} />}
    </div>
  )
}

function OutboundPanel({ tenant, name, outbound }: { tenant: string; name: string; outbound: 'nat' | 'none' }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [pending, setPending] = useState(false)
  const change = async (next: boolean) => {
    setPending(true)
    try {
      await api.network.update.mutate({ tenant, name, outbound: next ? 'nat' : 'none' })
      await queries.invalidateQueries({ queryKey: trpc.network.pathKey() })
    } catch (error) {
      void notify({ title: 'Outbound connections were not changed', detail: toFailure(error).message, tone: 'error' })
    }
    setPending(false)
  }
  return (
    <Panel title="Outbound connections" actions={<Switch label="Outbound connections" checked={outbound === 'nat'} pending={pending} onChange={(next) => void change(next)} />}>
      <p className="text-sm text-soft">
        {outbound === 'nat'
          ? 'Pods reach the outside through the host’s address. Nothing from outside reaches them.'
          : 'Closed: pods reach each other and their gateway, nothing else.'}
      </p>
      <p className="mt-1 text-xs text-faint">A change takes effect for running pods at once.</p>
    </Panel>
  )
}
