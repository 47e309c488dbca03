'use client'
import { useQuery } from '@tanstack/react-query'
import { Globe, Plus } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useState, type ReactNode } from 'react'
import type { AddressPoolView } from '@/domain/address-pool/view'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { usedOf } from '@/components/networks/capacity'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { Progress } from '@/components/ui/progress'
import { DeletePool } from './delete-pool'
import { poolActionsFor } from './pool-actions'

const columns: ReadonlyArray<Column<AddressPoolView>> = [
  { id: 'name', header: 'Name', cell: ({ metadata: { name }, spec }) => <span className="inline-flex items-center gap-2"><Link href={paths.addressPool(name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link>{spec.default && <Badge>usual</Badge>}</span> },
  { id: 'subnet', header: 'Subnet', cell: ({ spec }) => <code className="font-mono text-xs">{spec.subnet.cidr}</code> },
  { id: 'gateway', header: 'Gateway', from: 'md', cell: ({ spec }) => <code className="font-mono text-xs text-soft">{spec.subnet.gateway}</code> },
  { id: 'family', header: 'Family', from: 'md', cell: ({ status }) => <span className="text-soft">{status.family}</span> },
  { id: 'used', header: 'Addresses used', from: 'sm', grow: true, cell: (pool) => <PoolUse pool={pool} /> },
  { id: 'created', header: 'Created', from: 'lg', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** How full a pool is. */
export function PoolUse({ pool: { metadata, status: { addressesUsed: used, addressesTotal: total } } }: { pool: Pick<AddressPoolView, 'metadata' | 'status'> }) {
  return (
    <span className="flex items-center gap-3 whitespace-nowrap text-soft">
      <Progress label={`Addresses used of ${metadata.name}`} value={used} max={total} tone={used >= total ? 'error' : used / total > 0.9 ? 'notice' : 'accent'} className="h-1 w-24 shrink-0" />
      {usedOf(used, total)}
    </span>
  )
}

/** The pools that tenants' floating addresses come from, for operators. `children` is the side form that stands over the list. */
export function PoolListPage({ children }: { children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const pools = useQuery({ ...trpc.addressPool.list.queryOptions(), refetchInterval: 10_000 })
  const [deleting, setDeleting] = useState<AddressPoolView | null>(null)
  useShortcut('c', 'Create address pool', () => router.push(paths.newAddressPool()))
  const create = <ButtonLink variant="primary" href={paths.newAddressPool()} icon={<Plus className="size-4" />}>Create address pool</ButtonLink>
  return (
    <>
      <PageHeader title="Address pools" description="Addresses of the outside that tenants may have, for pods and balancers." primary={<><ButtonLink href={paths.addressQuota()}>Set quota</ButtonLink>{create}</>} />
      <DataTable
        label="Address pools"
        columns={columns}
        rows={pools.data?.items}
        rowKey={(pool) => pool.metadata.uid}
        rowName={(pool) => pool.metadata.name}
        actions={(pool) => poolActionsFor(pool, () => setDeleting(pool))}
        error={pools.error}
        onRetry={() => void pools.refetch()}
        empty={<EmptyState icon={<Globe />} title="No address pools yet" actions={create}>Without one no tenant gets an address of the outside, and no service of type LoadBalancer answers.</EmptyState>}
        footer={pools.data && pools.data.items.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(pools.data.items.length, 'address pool')}</p>}
      />
      {deleting && <DeletePool pool={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}
