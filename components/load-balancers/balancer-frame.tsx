'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { createContext, use, useMemo, useState, type ReactNode } from 'react'
import type { BalancerDetail, BalancerSource } from '@/domain/load-balancer/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { Badge } from '@/components/ui/badge'
import { EmptyState } from '@/components/ui/empty-state'
import { Skeleton } from '@/components/ui/skeleton'
import { TabLinks } from '@/components/ui/tab-links'
import { balancerActionsFor } from './balancer-actions'
import { BalancerState } from './balancer-state'
import { DeleteBalancer } from './delete-balancer'

type Place = readonly [tenant: string, source: BalancerSource, namespace: string, name: string]
const BalancerContext = createContext<{ tenant: string; balancer: BalancerDetail; at: Place } | null>(null)

/** The balancer whose tab is shown. */
export function useBalancer() {
  const value = use(BalancerContext)
  if (!value) throw new Error('A balancer’s tab stands outside its frame.')
  return value
}

const tabsOf = (at: Place, certificates: number) => [
  { href: paths.loadBalancer(...at), label: 'Overview' },
  { href: paths.loadBalancerRules(...at), label: 'Rules', under: [paths.editLoadBalancerRules(...at)] },
  { href: paths.loadBalancerCertificates(...at), label: 'Certificates', under: [paths.uploadCertificate([...at])], ...(certificates > 0 && { count: certificates }) },
  { href: paths.loadBalancerFigures(...at), label: 'Figures' },
  { href: paths.loadBalancerLogs(...at), label: 'Logs' },
  { href: paths.loadBalancerOptions(...at), label: 'Options', under: [paths.editLoadBalancerOptions(...at)] },
  { href: paths.loadBalancerYaml(...at), label: 'YAML' },
]

/** Header and tabs of one balancer; the tabs below read it from here. It follows all that it is made of. */
export function BalancerFrame({ tenant, source, namespace, name, children }: { tenant: string; source: BalancerSource; namespace: string; name: string; children: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const input = { tenant, source, namespace, name }
  const balancer = useQuery(trpc.loadBalancer.get.queryOptions(input))
  useRefreshOnChanges('loadBalancer', { tenant, namespace }, trpc.loadBalancer.get.queryKey(input))
  const [deleting, setDeleting] = useState(false)
  const { data } = balancer
  const at = useMemo<Place>(() => [tenant, source, namespace, name], [tenant, source, namespace, name])
  const actions = useMemo(() => (data ? balancerActionsFor(tenant, data, () => setDeleting(true)).filter((action) => action.id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  const context = useMemo(() => (data ? { tenant, balancer: data, at } : null), [tenant, data, at])
  if (balancer.error && (!data || isMissing(balancer.error))) return isMissing(balancer.error) ? <EmptyState title={`No balancer of the ${source} “${name}” in namespace “${namespace}”`}>It was deleted, or it never asked for one.</EmptyState> : <QueryFailure error={balancer.error} title={`Balancer ${name} cannot be shown`} onRetry={() => void balancer.refetch()} />
  if (!data || !context) return <div className="flex flex-col gap-4"><Skeleton className="h-7 w-56" /><Skeleton className="h-4 w-96" /></div>
  return (
    <>
      <PageHeader
        title={name}
        beside={<><BalancerState balancer={data} /><Badge>{source}</Badge></>}
        status={<LiveBadge />}
        actions={actions}
        prominent={2}
        tabs={<TabLinks label={`Balancer ${name}`} tabs={tabsOf(at, data.certificates.length)} />}
      />
      <div className="flex min-h-0 flex-1 flex-col gap-4 pt-4"><BalancerContext value={context}>{children}</BalancerContext></div>
      {deleting && <DeleteBalancer tenant={tenant} balancer={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.loadBalancers(tenant))} />}
    </>
  )
}
