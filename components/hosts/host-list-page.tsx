'use client'
import { useQuery } from '@tanstack/react-query'
import { Server } from 'lucide-react'
import Link from 'next/link'
import type { HostView } from '@/domain/host/view'
import { formatCount, formatMebibytes } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { Badge } from '@/components/ui/badge'
import { EmptyState } from '@/components/ui/empty-state'
import { Progress } from '@/components/ui/progress'
import { HostState } from './host-state'

const columns: ReadonlyArray<Column<HostView>> = [
  { id: 'name', header: 'Name', cell: ({ metadata: { name } }) => <Link href={paths.host(name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'state', header: 'State', cell: (host) => <HostState host={host} /> },
  { id: 'accelerator', header: 'Accelerator', from: 'sm', cell: ({ status }) => status.accelerator ? <Badge mono>{status.accelerator}</Badge> : '—' },
  { id: 'pods', header: 'Pods', numeric: true, cell: ({ status }) => <span className="text-soft">{status.used.pods}</span> },
  { id: 'cpu', header: 'CPU', numeric: true, from: 'md', cell: ({ status }) => <span className="text-soft">{(status.used.milliCpu / 1000).toLocaleString('en', { maximumFractionDigits: 2 })} of {status.capacity.cpus} vCPU</span> },
  { id: 'memory', header: 'Memory', grow: true, from: 'md', cell: ({ status }) => (
    <span className="flex items-center gap-3 text-soft">
      <Progress label="Memory used" value={status.used.memoryMiB} max={status.capacity.memoryMiB} className="h-1 w-24 shrink-0" />
      <span className="truncate">{formatMebibytes(status.used.memoryMiB)} of {formatMebibytes(status.capacity.memoryMiB)}</span>
    </span>
  ) },
  { id: 'heartbeat', header: 'Heard from', from: 'sm', cell: ({ status }) => <span className="text-soft"><Ago time={status.lastHeartbeat} /></span> },
]

/** The hypervisor hosts, for operators. Heartbeats are no changes of objects, so the page asks every 10 s. */
export function HostListPage() {
  const trpc = useTRPC()
  const hosts = useQuery({ ...trpc.host.list.queryOptions(), refetchInterval: 10_000 })
  return (
    <>
      <PageHeader title="Hosts" description="Where virtual machines run." />
      <DataTable
        label="Hosts"
        columns={columns}
        rows={hosts.data?.items}
        rowKey={(host) => host.metadata.uid}
        rowName={(host) => host.metadata.name}
        error={hosts.error}
        onRetry={() => void hosts.refetch()}
        empty={<EmptyState icon={<Server />} title="No hosts yet">A host appears here when its agent has connected. Pods wait until one is ready.</EmptyState>}
        footer={hosts.data && hosts.data.items.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(hosts.data.items.length, 'host')}</p>}
      />
    </>
  )
}
