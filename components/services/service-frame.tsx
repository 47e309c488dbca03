'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { createContext, use, useMemo, useState, type ReactNode } from 'react'
import type { ServiceDetail } from '@/domain/service/view'
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
import { StateBadge } from '@/components/ui/state-badge'
import { TabLinks } from '@/components/ui/tab-links'
import { DeleteService } from './delete-service'
import { serviceActionsFor } from './service-actions'
import { endpointsLook, typeName } from './words'

const ServiceContext = createContext<{ tenant: string; service: ServiceDetail } | null>(null)

/** The service whose tab is shown. */
export function useService() {
  const value = use(ServiceContext)
  if (!value) throw new Error('A service’s tab stands outside its frame.')
  return value
}

const tabsOf = (...at: readonly [tenant: string, namespace: string, name: string]) => [
  { href: paths.service(...at), label: 'Overview', under: [paths.editService(...at)] },
  { href: paths.serviceFigures(...at), label: 'Figures' },
  { href: paths.serviceYaml(...at), label: 'YAML' },
]

/** Header and tabs of one service; the tabs below read it from here. It follows the pods behind it. */
export function ServiceFrame({ tenant, namespace, name, children }: { tenant: string; namespace: string; name: string; children: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const service = useQuery(trpc.service.get.queryOptions({ tenant, namespace, name }))
  useRefreshOnChanges('service', { tenant, namespace }, trpc.service.get.queryKey({ tenant, namespace, name }))
  const [deleting, setDeleting] = useState(false)
  const { data } = service
  const actions = useMemo(() => (data ? serviceActionsFor(tenant, data, () => setDeleting(true)).filter((action) => action.id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  const context = useMemo(() => (data ? { tenant, service: data } : null), [tenant, data])
  if (service.error && (!data || isMissing(service.error))) return isMissing(service.error) ? <EmptyState title={`No service “${name}” in namespace “${namespace}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={service.error} title={`Service ${name} cannot be shown`} onRetry={() => void service.refetch()} />
  if (!data || !context) return <div className="flex flex-col gap-4"><Skeleton className="h-7 w-56" /><Skeleton className="h-4 w-96" /></div>
  const look = endpointsLook(data)
  return (
    <>
      <PageHeader
        title={name}
        beside={<>{look && <StateBadge shape={look.shape}>{look.text === 'None' ? 'No endpoints' : `${look.text} ready`}</StateBadge>}<Badge>{typeName(data.spec)}</Badge></>}
        status={<LiveBadge />}
        actions={actions}
        prominent={1}
        tabs={<TabLinks label={`Service ${name}`} tabs={tabsOf(tenant, namespace, name)} />}
      />
      <div className="flex min-h-0 flex-1 flex-col gap-4 pt-4"><ServiceContext value={context}>{children}</ServiceContext></div>
      {deleting && <DeleteService tenant={tenant} service={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.services(tenant))} />}
    </>
  )
}
