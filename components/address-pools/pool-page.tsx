'use client'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { AddressPoolDetail } from '@/domain/address-pool/view'
import { useOfferActions } from '@/components/client/actions'
import { isMissing } from '@/components/client/errors'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { SearchFilter } from '@/components/patterns/data-table/toolbar'
import { QueryFailure } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { Skeleton } from '@/components/ui/skeleton'
import { DeletePool } from './delete-pool'
import { poolActionsFor } from './pool-actions'
import { PoolUse } from './pool-list-page'

/** One pool: what it is, how full it is, who has which address. `children` is the form that stands over it. */
export function PoolPage({ name, children }: { name: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const pool = useQuery({ ...trpc.addressPool.get.queryOptions({ name }), refetchInterval: 10_000 })
  const [deleting, setDeleting] = useState(false)
  const { data } = pool
  const actions = useMemo(() => (data ? poolActionsFor(data, () => setDeleting(true)).filter(({ id }) => id !== 'open') : []), [data])
  useOfferActions(name, actions)
  if (pool.error && (!data || isMissing(pool.error))) return isMissing(pool.error) ? <EmptyState title={`No address pool “${name}”`}>It was deleted, or it never existed.</EmptyState> : <QueryFailure error={pool.error} title={`Address pool ${name} cannot be shown`} onRetry={() => void pool.refetch()} />
  if (!data) return <Skeleton className="h-7 w-48" />
  const { subnet } = data.spec
  return (
    <div className="flex flex-col gap-4">
      <PageHeader title={name} beside={data.spec.default && <Badge>The usual pool of {data.status.family}</Badge>} actions={actions} prominent={1} />
      <Panel title="Properties">
        <Properties>
          <Property name="Subnet"><CopyableId id={subnet.cidr} /></Property>
          <Property name="Gateway"><CopyableId id={subnet.gateway} /></Property>
          <Property name="Given to tenants">{subnet.allocationRanges ? <span className="flex flex-col font-mono text-xs">{subnet.allocationRanges.map(({ start, end }) => <span key={start}>{start} – {end}</span>)}</span> : 'All but the gateway'}</Property>
          <Property name="Addresses used"><PoolUse pool={data} /></Property>
          <Property name="Created"><Ago time={data.metadata.creationTimestamp} /></Property>
          <Property name="UID"><CopyableId id={data.metadata.uid} /></Property>
        </Properties>
      </Panel>
      <Holders pool={data} />
      {deleting && <DeletePool pool={data} onClose={() => setDeleting(false)} onDeleted={() => router.push(paths.addressPools())} />}
      {children}
    </div>
  )
}

const step = 200

/** Who has which address. */
function Holders({ pool: { addresses } }: { pool: AddressPoolDetail }) {
  const query = useQueryString()
  const [shown, setShown] = useState(step)
  const text = query.get('q').trim().toLowerCase()
  const rows = text ? addresses.filter((each) => [each.address, each.tenant.slug, each.name, each.holder?.name, each.host].some((part) => part?.toLowerCase().includes(text))) : addresses
  return (
    <Panel title="Who has them" description={formatCount(addresses.length, 'address', 'addresses')} flush>
      {addresses.length > 10 && <div className="border-b border-stroke px-3 py-2"><SearchFilter label="Filter by address, tenant or name" value={query.get('q')} onChange={(q) => query.replace({ q: q || null })} /></div>}
      <SimpleTable
        label="Addresses of this pool"
        heads={['Address', 'Tenant', 'Name', 'Leads to', 'Host']}
        rows={rows.slice(0, shown).map(({ address, tenant, name, holder, host }) => ({
          key: address,
          cells: [<CopyableId key="address" id={address} />, tenant.slug, name, holder ? <span key="holder">{holder.kind} <code className="font-mono text-xs">{holder.namespace}/{holder.name}</code></span> : NOTHING, host ?? NOTHING],
        }))}
        empty={text ? 'No address matches. Change the filter or clear it.' : 'No tenant has an address of this pool yet.'}
      />
      {rows.length > shown && <div className="border-t border-stroke px-4 py-2"><Button size="sm" onClick={() => setShown(shown + step)}>{`Show ${Math.min(step, rows.length - shown)} more`}</Button></div>}
    </Panel>
  )
}
