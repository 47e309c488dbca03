'use client'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { Cable, Plus, Trash2 } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { useState, type ReactNode } from 'react'
import type { NetworkPeeringView } from '@/domain/network-peering/view'
import type { NetworkTopology } from '@/domain/network/topology'
import type { Action } from '@/components/client/actions'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useShortcut } from '@/components/client/shortcuts'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import type { Column } from '@/components/patterns/data-table/columns'
import { DataTable } from '@/components/patterns/data-table/data-table'
import { Pager } from '@/components/patterns/data-table/pager'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Ago } from '@/components/patterns/time'
import { ButtonLink } from '@/components/ui/button'
import { CodeBlock } from '@/components/ui/code-block'
import { EmptyState } from '@/components/ui/empty-state'
import { Panel } from '@/components/ui/panel'
import { StateBadge } from '@/components/ui/state-badge'
import { TextLink } from '@/components/ui/text-link'
import { missingOf, PeeringState } from './peering-state'
import { peeringSketch } from './sketch'

const columns: ReadonlyArray<Column<NetworkPeeringView>> = [
  { id: 'name', header: 'Name', cell: ({ metadata }) => metadata.name },
  { id: 'state', header: 'State', cell: (peering) => <StateCell peering={peering} /> },
  { id: 'network', header: 'Peer network', cell: ({ spec }) => spec.peer.network },
  { id: 'tenant', header: 'Tenant', from: 'sm', cell: ({ spec, status }) => <span className="text-soft">{spec.peer.tenant ? status.peerTenant : 'This tenant'}</span> },
  { id: 'missing', header: 'What is missing', from: 'md', grow: true, cell: (peering) => <span className="block whitespace-normal py-1.5 text-xs text-soft wrap-anywhere">{missingOf(peering) ?? NOTHING}</span> },
  { id: 'created', header: 'Created', from: 'lg', cell: ({ metadata }) => <span className="text-soft"><Ago time={metadata.creationTimestamp} /></span> },
]

/** The peerings that other networks of the tenant have with this one: they hold both ways, and are changed there. */
function OfOthers({ tenant, network, peers }: { tenant: string; network: string; peers: NetworkTopology['peers'] }) {
  return (
    <Panel title="Peerings that other networks have with it" flush>
      <SimpleTable
        label={`Peerings of other networks with ${network}`}
        heads={['Name', 'Of network', 'State']}
        rows={peers.map((peer) => ({ key: peer.name, cells: [peer.name, <TextLink key="network" size="sm" href={paths.networkPeerings(tenant, peer.network)}>{peer.network}</TextLink>, <StateBadge key="state" shape={peer.active ? 'running' : 'unknown'}>{peer.active ? 'Active' : 'Not active'}</StateBadge>] }))}
        empty={NOTHING}
      />
    </Panel>
  )
}

/** Where there is no column for it, what is missing stands below the state. */
function StateCell({ peering }: { peering: NetworkPeeringView }) {
  const missing = missingOf(peering)
  if (!missing) return <PeeringState peering={peering} />
  return <span className="block max-md:py-1.5"><PeeringState peering={peering} /><span className="block min-w-40 whitespace-normal text-xs text-soft wrap-anywhere md:hidden">{missing}</span></span>
}

/** The peerings of one network. `children` is the side form that stands over them. */
export function PeeringList({ tenant, network, children }: { tenant: string; network: string; children?: ReactNode }) {
  const trpc = useTRPC()
  const router = useRouter()
  const query = useQueryString()
  const cursor = query.get('cursor')
  // The other side's word comes without an event.
  const page = useQuery({ ...trpc.networkPeering.list.queryOptions({ tenant, network, ...(cursor && { cursor }) }), placeholderData: keepPreviousData, refetchInterval: 10_000 })
  const [deleting, setDeleting] = useState<NetworkPeeringView | null>(null)
  useShortcut('c', 'Create peering', () => router.push(paths.newNetworkPeering(tenant, network)))
  const create = <ButtonLink variant="primary" href={paths.newNetworkPeering(tenant, network)} icon={<Plus className="size-4" />}>Create peering</ButtonLink>
  const actionsFor = (peering: NetworkPeeringView): Action[] => [{ id: 'delete', label: 'Delete peering', icon: <Trash2 className="size-4" />, danger: true, run: () => setDeleting(peering) }]
  const rows = page.data?.items
  // One object is enough for two networks of a tenant, and it may be the other's.
  const topology = useQuery({ ...trpc.network.topology.queryOptions({ tenant, name: network }), refetchInterval: 10_000 })
  const whole = rows !== undefined && !cursor && !page.data?.nextCursor
  const others = whole ? topology.data?.peers.filter(({ name }) => !rows.some(({ metadata }) => metadata.name === name)) ?? [] : []
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-180 text-sm text-faint">Pods of two peered networks reach each other. Networks of two tenants are peered once both sides say so.</p>
        {rows && rows.length > 0 && create}
      </div>
      <DataTable
        label="Peerings"
        columns={columns}
        rows={rows}
        rowKey={(peering) => peering.metadata.uid}
        rowName={(peering) => peering.metadata.name}
        actions={actionsFor}
        error={page.error}
        onRetry={() => void page.refetch()}
        stale={page.isPlaceholderData}
        empty={<EmptyState icon={<Cable />} title={others.length > 0 ? 'No peerings of its own' : 'No peerings yet'} actions={create}><p>{others.length > 0 ? 'Those that other networks have with it stand below; one is enough for both.' : 'There is no path between two networks but by a peering.'}</p><CodeBlock className="mt-3" label="Manifest of a peering" code={peeringSketch(network)} /></EmptyState>}
        footer={page.data && <Pager noun="peering" shown={page.data.items.length} total={page.data.total} nextCursor={page.data.nextCursor} />}
      />
      {others.length > 0 && <OfOthers tenant={tenant} network={network} peers={others} />}
      {deleting && <DeletePeering tenant={tenant} peering={deleting} onClose={() => setDeleting(null)} />}
      {children}
    </>
  )
}

function DeletePeering({ tenant, peering: { metadata: { name }, spec, status }, onClose }: { tenant: string; peering: NetworkPeeringView; onClose: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const consequences = status.active
    ? [`Pods of ${spec.network} and ${spec.peer.network} do not reach each other any more, open connections included.`, ...(spec.peer.tenant ? [`The peering that ${status.peerTenant} has stays there, and waits for this side again.`] : [])]
    : ['It is not active: no connection ends.']
  return (
    <DeleteDialog
      noun="peering"
      name={name}
      consequences={consequences}
      onDelete={async () => {
        await api.networkPeering.delete.mutate({ tenant, name })
        // First what tells of both sides: the peering would else be taken for the other network's for a moment.
        await queries.invalidateQueries({ queryKey: trpc.network.pathKey() })
        await queries.invalidateQueries({ queryKey: trpc.networkPeering.pathKey() })
      }}
      onClose={onClose}
    />
  )
}
