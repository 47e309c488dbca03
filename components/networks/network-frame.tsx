'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { createContext, use, useMemo, useState, type ReactNode } from 'react'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { EmptyState } from '@/components/ui/empty-state'
import { Skeleton } from '@/components/ui/skeleton'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteNetwork } from './delete-network'
import { networkActionsFor } from './network-actions'
import type { NetworkDetail } from './network-detail'

const NetworkContext = createContext<{ tenant: string; network: NetworkDetail } | null>(null)

/** The network whose tab is shown. */
export function useNetwork() {
  const value = use(NetworkContext)
  if (!value) throw new Error('A network’s tab stands outside its frame.')
  return value
}

const tabsOf = (tenant: string, name: string) => [
  { href: paths.network(tenant, name), label: 'Overview', under: [paths.editNetwork(tenant, name)] },
  { href: paths.networkTopology(tenant, name), label: 'Topology' },
  { href: paths.networkPods(tenant, name), label: 'Pods' },
  { href: paths.networkPeerings(tenant, name), label: 'Peerings', under: [paths.newNetworkPeering(tenant, name)] },
  { href: paths.reachability(tenant, name), label: 'Reachability' },
]

/** Header and tabs of one network; the tabs below read it from here. */
export function NetworkFrame({ tenant, name, children }: { tenant: string; name: string; children: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const network = useQuery(trpc.network.get.queryOptions({ tenant, name }))
  // What its tabs show too, of what is shown.
  useRefreshOnPodEvents(tenant, trpc.network.pathKey())
  const [deleting, setDeleting] = useState(false)
  const { data } = network
  const actions = useMemo(() => (data ? networkActionsFor(tenant, data, () => setDeleting(true)).filter((action) => action.id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  const context = useMemo(() => (data ? { tenant, network: data } : null), [tenant, data])
  if (network.error && !data) return isMissing(network.error) ? <EmptyState title={`No network “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={network.error} title={`Network ${name} cannot be shown`} onRetry={() => void network.refetch()} />
  if (!data || !context) return <Skeleton className="h-7 w-48" />
  return (
    <>
      <PageHeader title={name} status={<LiveBadge />} actions={actions} prominent={2} tabs={<TabLinks label={`Network ${name}`} tabs={tabsOf(tenant, name)} />} />
      <div className="flex min-h-0 flex-1 flex-col gap-4 pt-4"><NetworkContext value={context}>{children}</NetworkContext></div>
      {deleting && <DeleteNetwork tenant={tenant} network={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.networks(tenant))} />}
    </>
  )
}
