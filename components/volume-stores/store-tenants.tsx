'use client'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import type { StoreTenantUsage } from '@/domain/volume-store/usage'
import type { VolumeStoreView } from '@/domain/volume-store/view'
import { formatBytes, formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { Pager } from '@/components/patterns/data-table/pager'
import { QueryFailure } from '@/components/patterns/failure'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Panel } from '@/components/ui/panel'
import { Progress } from '@/components/ui/progress'
import { roomOf } from './room'
import { usagePageSizes, storeUsageInput } from './usage-input'

/** Whose volumes and snapshots fill a store: whoever takes most of it first. */
export function StoreTenants({ store: { metadata: { name }, spec, status } }: { store: VolumeStoreView }) {
  const input = storeUsageInput(name, useQueryString().get)
  const page = useQuery({ ...useTRPC().volumeStore.usage.queryOptions(input), placeholderData: keepPreviousData, refetchInterval: 60_000 })
  const total = roomOf(spec, status.hosts)?.totalBytes ?? null
  return (
    <Panel title="Tenants" description="Who takes most of it first" flush>
      {page.error && !page.data ? <div className="p-4"><QueryFailure error={page.error} title="Who uses this store cannot be shown" onRetry={() => void page.refetch()} /></div> : (
        <SimpleTable
          label="Tenants and what they have in this store"
          heads={['Tenant', 'Takes', 'Provisioned', 'Volumes', 'Snapshots', 'Deleted, kept for now']}
          rows={page.data?.items.map((usage) => ({ key: usage.tenant.id, cells: cellsOf(usage, total) }))}
          empty={input.cursor ? 'There is nothing on this page any more.' : 'No tenant has a volume in it yet.'}
        />
      )}
      {page.data && <Pager noun="tenant" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} sizes={usagePageSizes} />}
    </Panel>
  )
}

/** What a tenant owns is its own to open: of it an operator sees how much it is, and how much it may be. */
const cellsOf = ({ tenant, provisionedBytes, allocatedBytes, volumes, snapshots, deleted }: StoreTenantUsage, total: number | null) => [
  <Link key="tenant" href={paths.volumeQuota({ tenant: tenant.slug })} title={`${tenant.name}: quota and use`} className="inline-flex min-h-6 items-center text-content hover:text-accent-content hover:underline">{tenant.slug}</Link>,
  <span key="takes" className="flex items-center gap-3 whitespace-nowrap">
    {total !== null && <Progress label={`What ${tenant.slug} takes of the store`} value={allocatedBytes} max={total} className="h-1 w-16 shrink-0" />}
    {formatBytes(allocatedBytes)}
  </span>,
  <span key="provisioned" className="whitespace-nowrap">{formatBytes(provisionedBytes)}</span>,
  <Part key="volumes" of={volumes} noun="volume" />,
  <Part key="snapshots" of={snapshots} noun="snapshot" />,
  <Part key="deleted" of={deleted} noun="volume" />,
]

function Part({ of: { count, provisionedBytes, allocatedBytes }, noun }: { of: StoreTenantUsage['volumes']; noun: string }) {
  if (count === 0) return <span className="text-faint">{NOTHING}</span>
  return <span className="whitespace-nowrap">{formatBytes(allocatedBytes)} of {formatBytes(provisionedBytes)} <span className="text-xs text-faint">in {formatCount(count, noun)}</span></span>
}
