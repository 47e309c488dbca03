'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { createContext, use, useMemo, useState, type ReactNode } from 'react'
import type { FloatingAddressView } from '@/domain/floating-address/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnChanges } from '@/components/client/use-changes'
import { QueryFailure } from '@/components/patterns/failure'
import { LiveBadge } from '@/components/patterns/live-badge'
import { PageHeader } from '@/components/patterns/page-header'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Skeleton } from '@/components/ui/skeleton'
import { TabLinks } from '@/components/ui/tab-links'
import { addressActionsFor } from './address-actions'
import { AddressState } from './address-state'
import { DetachAddress, ReleaseAddress } from './release-address'

const AddressContext = createContext<{ tenant: string; operator: boolean; address: FloatingAddressView } | null>(null)

/** The floating address whose tab is shown. */
export function useFloatingAddress() {
  const value = use(AddressContext)
  if (!value) throw new Error('A floating address’ tab stands outside its frame.')
  return value
}

const tabsOf = (tenant: string, name: string) => [
  { href: paths.floatingAddress(tenant, name), label: 'Overview', under: [paths.associateFloatingAddress(tenant, name)] },
  { href: paths.floatingAddressYaml(tenant, name), label: 'YAML' },
]

/** Header and tabs of one floating address; the tabs below read it from here. */
export function AddressFrame({ tenant, name, operator, children }: { tenant: string; name: string; operator: boolean; children: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const address = useQuery(trpc.floatingAddress.get.queryOptions({ tenant, name }))
  useRefreshOnChanges('floatingAddress', { tenant }, trpc.floatingAddress.get.queryKey({ tenant, name }))
  const [asking, setAsking] = useState<'detach' | 'release' | null>(null)
  const { data } = address
  const actions = useMemo(() => (data ? addressActionsFor(tenant, data, { onDetach: () => setAsking('detach'), onRelease: () => setAsking('release') }).filter(({ id }) => id !== 'open') : []), [tenant, data])
  useOfferActions(name, actions)
  const context = useMemo(() => (data ? { tenant, operator, address: data } : null), [tenant, operator, data])
  if (address.error && (!data || isMissing(address.error))) return isMissing(address.error) ? <EmptyState title={`No floating address “${name}”`}>It was released, or it never existed.</EmptyState> : <QueryFailure error={address.error} title={`Floating address ${name} cannot be shown`} onRetry={() => void address.refetch()} />
  if (!data || !context) return <div className="flex flex-col gap-4"><Skeleton className="h-7 w-56" /><Skeleton className="h-4 w-96" /></div>
  return (
    <>
      <PageHeader title={name} beside={<><AddressState address={data} /><CopyableId id={data.status.address} /></>} status={<LiveBadge />} actions={actions} prominent={2} tabs={<TabLinks label={`Floating address ${name}`} tabs={tabsOf(tenant, name)} />} />
      <div className="flex min-h-0 flex-1 flex-col gap-4 pt-4"><AddressContext value={context}>{children}</AddressContext></div>
      {asking === 'detach' && <DetachAddress tenant={tenant} address={data} onClose={() => setAsking(null)} />}
      {asking === 'release' && <ReleaseAddress tenant={tenant} address={data} onClose={() => setAsking(null)} onDone={() => router.push(paths.floatingAddresses(tenant))} />}
    </>
  )
}
