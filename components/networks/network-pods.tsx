'use client'
import { useQuery } from '@tanstack/react-query'
import { Box } from 'lucide-react'
import Link from 'next/link'
import { useMemo } from 'react'
import type { NetworkTopology } from '@/domain/network/topology'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { SearchFilter } from '@/components/patterns/data-table/toolbar'
import { Button } from '@/components/ui/button'
import { CopyableId } from '@/components/ui/copyable'
import { EmptyState } from '@/components/ui/empty-state'
import { StateBadge } from '@/components/ui/state-badge'
import { useNetwork } from './network-frame'
import { lookOf } from './topology/pod-look'
import { servicesByPod } from './topology/groups'

type Row = NetworkTopology['pods'][number] & { mac: string | null; services: readonly string[] }

const columnsOf = (tenant: string): ReadonlyArray<Column<Row>> => [
  { id: 'name', header: 'Name', cell: ({ namespace, name }) => <Link href={paths.pod(tenant, namespace, name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'state', header: 'State', cell: (pod) => <StateBadge shape={lookOf(pod).shape}>{lookOf(pod).word}</StateBadge> },
  { id: 'namespace', header: 'Namespace', from: 'md', cell: ({ namespace }) => <span className="text-soft">{namespace}</span> },
  { id: 'addresses', header: 'Addresses', from: 'sm', cell: ({ addresses }) => addresses.length === 0 ? <span className="text-faint">{NOTHING}</span> : <span className="flex flex-wrap gap-x-3">{addresses.map(({ address, subnet }) => <span key={address} title={`Subnet ${subnet}`}><CopyableId id={address} /></span>)}</span> },
  { id: 'mac', header: 'MAC', from: 'xl', cell: ({ mac }) => mac ? <code className="font-mono text-xs text-soft">{mac}</code> : <span className="text-faint">{NOTHING}</span> },
  { id: 'services', header: 'Services', from: 'lg', grow: true, cell: ({ services }) => <span className="block truncate text-soft">{services.join(', ') || NOTHING}</span> },
  { id: 'groups', header: 'Security groups', from: 'lg', cell: ({ securityGroups }) => <span className="text-soft">{securityGroups.join(', ') || NOTHING}</span> },
]

const matches = (pod: Row, text: string) => [pod.name, pod.namespace, ...pod.addresses.map(({ address }) => address), ...pod.services].some((each) => each.includes(text))

/** The network's pods with their addresses, live. */
export function NetworkPods() {
  const { tenant, network } = useNetwork()
  const { name } = network.metadata
  const trpc = useTRPC()
  const query = useQueryString()
  const topology = useQuery(trpc.network.topology.queryOptions({ tenant, name }))
  const text = query.get('q').trim()
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  const all = useMemo((): Row[] | undefined => {
    const { data } = topology
    if (!data) return undefined
    const served = servicesByPod(data.services)
    const macs = new Map(network.pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod.mac]))
    return data.pods.map((pod) => ({ ...pod, mac: macs.get(`${pod.namespace}/${pod.name}`) ?? null, services: served.get(pod.uid)?.map((service) => service.name) ?? [] }))
  }, [topology, network.pods])
  const rows = all?.filter((pod) => matches(pod, text))
  const clear = <Button variant="ghost" onClick={() => query.push({ q: null })}>Clear filters</Button>
  return (
    <DataTable
      label="Pods in this network"
      columns={columns}
      rows={rows}
      rowKey={(pod) => pod.uid}
      rowName={(pod) => pod.name}
      error={topology.error}
      onRetry={() => void topology.refetch()}
      toolbar={<SearchFilter label="Filter by name or address" value={text} onChange={(q) => query.replace({ q: q || null })} />}
      empty={text ? <EmptyState title="No results for these filters" actions={clear}>No pod matches. Change the filter or clear it.</EmptyState> : <EmptyState icon={<Box />} title="No pods yet">Pods of the namespaces {network.status.namespaces.join(', ') || 'that name this network'} get their addresses here.</EmptyState>}
      footer={rows && rows.length > 0 && <p role="status" className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(rows.length, 'pod')}{topology.data?.truncated && ', the first of more'}</p>}
    />
  )
}
