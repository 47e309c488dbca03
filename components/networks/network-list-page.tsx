'use client'
import { useQuery } from '@tanstack/react-query'
import { FileCode2, Network, Plus } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useMemo, useState, type ReactNode } from 'react'
import type { NetworkView } from '@/domain/network/view'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC } from '@/components/client/trpc'
import { useRefreshOnPodEvents } from '@/components/client/use-pod-events'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { PageHeader } from '@/components/patterns/page-header'
import { Ago } from '@/components/patterns/time'
import { ButtonLink } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/empty-state'
import { cidrsOf, usedOf } from './capacity'
import { DeleteNetwork } from './delete-network'
import { networkActionsFor } from './network-actions'

const columnsOf = (tenant: string): ReadonlyArray<Column<NetworkView>> => [
  { id: 'name', header: 'Name', cell: ({ metadata: { name } }) => <Link href={paths.network(tenant, name)} className="inline-flex min-h-6 items-center hover:text-accent-content hover:underline">{name}</Link> },
  { id: 'cidr', header: 'Subnets', cell: ({ spec }) => <SubnetCell cidrs={cidrsOf(spec)} /> },
  { id: 'outbound', header: 'Outbound', from: 'sm', cell: ({ spec }) => <span className="text-soft">{spec.outbound === 'nat' ? 'NAT' : 'Closed'}</span> },
  { id: 'pods', header: 'Pods', numeric: true, cell: ({ status }) => <span className="text-soft">{status.pods}</span> },
  { id: 'addresses', header: 'Addresses', numeric: true, from: 'md', cell: ({ status }) => <span className="text-soft">{usedOf(status.addressesUsed, status.addressesTotal)}</span> },
  { id: 'namespaces', header: 'Namespaces', from: 'lg', grow: true, cell: ({ status }) => <span className="block truncate text-soft">{status.namespaces.join(', ') || NOTHING}</span> },
  { id: 'created', header: 'Created', from: 'md', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

function SubnetCell({ cidrs: [first, ...rest] }: { cidrs: readonly string[] }) {
  return <span title={[first, ...rest].join(', ')}><code className="font-mono text-xs">{first}</code>{rest.length > 0 && <span className="text-xs text-faint"> + {rest.length}</span>}</span>
}

/** A tenant's networks. `children` is the side form that stands over the list. */
export function NetworkListPage({ tenant, children }: { tenant: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const networks = useQuery(trpc.network.list.queryOptions({ tenant }))
  useRefreshOnPodEvents(tenant, trpc.network.list.queryKey({ tenant }))
  const [deleting, setDeleting] = useState<NetworkView | null>(null)
  const columns = useMemo(() => columnsOf(tenant), [tenant])
  useShortcut('c', 'Create network', () => router.push(paths.newNetwork(tenant)))
  const create = <ButtonLink variant="primary" href={paths.newNetwork(tenant)} icon={<Plus className="size-4" />}>Create network</ButtonLink>
  return (
    <>
      <PageHeader title="Networks" description="Pods of one network reach each other; between networks there is a path only where they are peered." primary={create} />
      <DataTable
        label="Networks"
        columns={columns}
        rows={networks.data?.items}
        rowKey={(network) => network.metadata.uid}
        rowName={(network) => network.metadata.name}
        actions={(network) => networkActionsFor(tenant, network, setDeleting)}
        error={networks.error}
        onRetry={() => void networks.refetch()}
        empty={<EmptyState icon={<Network />} title="No networks yet" actions={<>{create}<ButtonLink href={paths.applyYaml(tenant, { kind: 'Network' })} icon={<FileCode2 className="size-4" />}>Start from YAML</ButtonLink></>}>Pods need a network to have an address.</EmptyState>}
        footer={networks.data && networks.data.items.length > 0 && <p className="border-t border-stroke px-4 py-2.5 text-xs text-faint">{formatCount(networks.data.items.length, 'network')}</p>}
      />
      {deleting && <DeleteNetwork tenant={tenant} network={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}
